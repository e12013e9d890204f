import { chmodSync, existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { issueCertificate, signInAs } from 'testing-authority';
import { CliHome, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertFailed, diagnose } from './fixtures/diagnose.ts';
import { filesOf } from './fixtures/files-of.ts';
import { startService } from './fixtures/token-service.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

async function withServer<T>(
  handle: RequestListener,
  use: (origin: string) => Promise<T>,
  tls?: { key: string; cert: string },
): Promise<T> {
  const server = tls ? createTlsServer(tls, handle) : createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const ofMachine = ['node', 'authority', 'clock', 'client-id', 'graph', 'loopback', 'browser'];
const healthy = [...ofMachine, 'database', 'database-mode', 'file-system', 'lock', 'sign-in'];

test('nothing is wrong: every check is ok; nothing is written, no token is asked for, and no user is named', async () => {
  const before = filesOf(home.folder);
  const requests = authority.requests.length;
  // The authority is then that of the stored sign-in.
  const checks = await diagnose(home, { env: { ONEDRIVE_TOKEN_AUTHORITY: '' } });
  assert.equal(filesOf(home.folder), before);
  assert.equal([...checks.keys()], healthy);
  assertFailed(checks, {});
  const sent = authority.requests.slice(requests).map(({ endpoint }) => endpoint);
  assert.equal(
    sent.filter((endpoint) => endpoint === 'token' || endpoint === 'devicecode'),
    [],
  );
  const text = JSON.stringify([...checks.values()]);
  assert.match(text, /~[/\\]+data[/\\]+onedrive-token[/\\]+tokens\.db, /);
  assert.match(checks.get('sign-in')?.detail ?? '', /^scopes Files\.ReadWrite\.All, .*\d s\b/);
  for (const secret of [...authority.issuedSecrets, 'someone', '@', home.folder]) assert.not.match(text, secret);
});

test('a user name that looks like none is not in --json either, nor where a home that is a link leads', async () => {
  using other = new CliHome(home.env);
  const running = other.begin(['login', '--client-id', authority.clientId], { env: { BROWSER: 'true' } });
  const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
  await signInAs(address, { username: 'andré@localhost' });
  await running.ended;
  assert.match((await other.call(['doctor'])).stdout, 'andré@localhost, ');
  const link = join(other.folder, 'home');
  symlinkSync(other.folder, link);
  const checks = await diagnose(other, { env: { HOME: link, XDG_DATA_HOME: join(link, 'data') } });
  assert.not.match(checks.get('sign-in')?.detail ?? '', /andr|localhost/);
  assert.not.match(checks.get('database')?.detail ?? '', other.folder);
  assert.match(checks.get('database')?.detail ?? '', 'tokens.db (a link to ~');
});

test('no part of an e-mail address is in --json, whatever letters and signs it has', async () => {
  for (const app of [
    'jörg@müller.example',
    "o'neil+one@drive.example",
    'jo\u0308rg@example.com',
    '"ada l"@example.org',
    // Microsoft names a guest of a tenant so.
    'ada_mail.example#EXT#@tenant.example',
    'ada&eve!@example.org',
  ]) {
    const checks = await diagnose(home, { args: ['--app', app] });
    assert.match(checks.get('sign-in')?.detail ?? '', ' "<e-mail address>" ');
  }
});

test('a --graph that api refuses is wrong for doctor too', async () => {
  for (const graph of [
    'graph.microsoft.com/v1.0',
    'http://192.0.2.1/v1.0',
    'file:///etc',
    `${authority.graphUrl}?x=1`,
  ]) {
    assertFailed(await diagnose(home, { args: ['--graph', graph] }), { graph: /--graph: / });
  }
});

test('BROWSER that is a folder, or a program here that is not on the PATH, is wrong', async () => {
  mkdirSync(join(home.folder, 'folder'));
  writeFileSync(join(home.folder, 'program'), '', { mode: 0o755 });
  writeFileSync(join(home.folder, 'notes'), '');
  for (const [name, isRight] of [
    ['folder', false],
    ['./folder', false],
    ['./notes', false],
    ['program', false],
    ['./program', true],
    ['no-such-browser:./program %s', true],
  ] as const) {
    const expected = isRight ? {} : { browser: /BROWSER/ };
    if (process.platform !== 'win32') assertFailed(await diagnose(home, { env: { BROWSER: name } }), expected);
  }
});

test('for a person: a line for each check, with the account; a remedy under each one that failed', async () => {
  // WT_SESSION: the terminal of Windows that has these characters.
  const env = { BROWSER: 'no-such-browser', WT_SESSION: '1' };
  const { status, stdout, stderr } = await home.call(['doctor'], { env });
  assert.is(status, 1);
  assert.is(stderr, '');
  for (const name of healthy) assert.match(stdout, new RegExp(`^[✓✗] ${name} +\\S`, 'm'));
  assert.match(stdout, /^✓ sign-in {10}someone@example\.com, .*Files\.ReadWrite\.All/m);
  assert.match(stdout, /^✗ browser {10}.*no-such-browser\n {19}→ .*login --paste\n/m);
  assert.match(stdout, /\n1 thing is .*\n$/);
  const ascii = await home.call(['doctor', '--graph', 'x'], { env: { BROWSER: 'no-such-browser', LANG: 'C' } });
  assert.match(ascii.stdout, /^ok {3}node +Node\.js v/m);
  assert.match(ascii.stdout, /^FAIL browser {10}BROWSER .*\n {22}-> .*BROWSER/m);
  assert.match(ascii.stdout, /\n2 things are .*\n$/);
});

test('several things that are wrong at the same time are each found, with what to do', async () => {
  chmodSync(home.db, 0o644);
  authority.fail('graph', { type: 'status', status: 503 }, { times: 9 });
  const checks = await diagnose(home, { env: { BROWSER: 'no-such-browser' } });
  assertFailed(checks, {
    ...(process.platform !== 'win32' && {
      'database-mode': /tokens\.db .*0644\) \| Run: chmod go= ~/,
    }),
    graph: /503/,
    browser: /no-such-browser \| .*login --paste/,
  });
  if (process.platform !== 'win32') assert.is(lstatSync(home.db).mode & 0o777, 0o644, 'it is left as it was');
  chmodSync(home.db, 0o600);
});

test('a machine without a browser is no error, is marked as such, and how to sign in there is said', async () => {
  if (process.platform !== 'linux') return console.log('skipped: Windows and macOS always have a browser');
  const env = { BROWSER: '' };
  const checks = await diagnose(home, { env });
  assertFailed(checks, {});
  assert.match(checks.get('browser')?.detail ?? '', 'onedrive-token login --paste');
  const { status, stdout } = await home.call(['doctor'], { env });
  assert.is(status, 0);
  assert.match(stdout, /^– browser /m);
  assert.match(stdout, /\nNothing .*\n$/);
  const display = await diagnose(home, { env: { ...env, DISPLAY: ':0' } });
  assert.is(display.get('browser')?.detail, 'the default browser');
});

test('a client id that the provider does not know, and one of which it tells nothing', async () => {
  const unknown = await diagnose(home, { args: ['--client-id', 'YOUR-CLIENT-ID'] });
  assert.match(unknown.get('client-id')?.detail ?? '', 'YOUR-CLIENT-ID');
  assert.match(unknown.get('client-id')?.remedy ?? '', /Application \(client\) ID/);
  const silent: RequestListener = ({ url = '' }, response) =>
    response.end(/\/authorize/.test(url) ? '<html>Sign in</html>' : '{"token_endpoint":1}');
  const untold = await withServer(silent, (origin) => diagnose(home, { args: ['--authority', origin] }));
  assert.ok(untold.get('client-id')?.ok);
  const turning: RequestListener = ({ url = '' }, response) =>
    response.writeHead(/well-known/.test(url) ? 200 : 302, { location: url }).end('{"token_endpoint":1}');
  const circle = await withServer(turning, (origin) => diagnose(home, { args: ['--authority', origin] }));
  assert.match(circle.get('client-id')?.detail ?? '', 'only a browser can find out');
});

test('the page of Microsoft for personal accounts is asked too', async () => {
  for (const [query, says] of [
    ['lc=1033#error=unauthorized_client&error_description=The+client+does+not+exist', 'Application (client) ID'],
    ['error=invalid_request&error_description=The+redirect_uri+is+not+valid', 'http://localhost'],
  ] as const) {
    const serve: RequestListener = ({ url = '' }, response) => {
      const next = url.includes('/oauth2/v2.0/authorize') ? `/live?${url.split('?')[1]}` : `/err?${query}`;
      if (/well-known/.test(url)) response.end('{"token_endpoint":1}');
      else response.writeHead(302, { location: next }).end();
    };
    const checks = await withServer(serve, (origin) => diagnose(home, { args: ['--authority', origin] }));
    assert.match(checks.get('client-id')?.remedy ?? '', says);
  }
});

test('an authority whose sign-ins Microsoft does not refresh', async () => {
  const serve: RequestListener = (_request, response) => response.end('{"token_endpoint":1}');
  const ask = (origin: string) => diagnose(home, { args: ['--app', 'family', '--authority', `${origin}/common`] });
  const checks = await withServer(serve, ask);
  assert.match(checks.get('authority')?.detail ?? '', '/common');
  assert.match(
    checks.get('authority')?.remedy ?? '',
    'login --app family --authority https://login.microsoftonline.com/consumers',
  );
});

test('a name that is not found: what needs it is not checked, and says so', async () => {
  const args = ['--authority', 'https://login.invalid/consumers', '--graph', 'https://graph.invalid/v1.0'];
  const checks = await diagnose(home, { args });
  assertFailed(
    checks,
    {
      authority: /login\.invalid.*\(E\w+\)/,
      graph: /graph\.invalid.*\(E\w+\)/,
      'sign-in': /login\.invalid.* \| Run: onedrive-token login/,
    },
    { authority: ['clock', 'client-id'] },
  );
});

test('a certificate that is not trusted', async () => {
  const tls = issueCertificate();
  const serve: RequestListener = (_request, response) => response.end();
  const checks = await withServer(
    serve,
    (origin) => diagnose(home, { args: ['--authority', `${origin}/consumers`], env: { HOME: '/' } }),
    tls,
  );
  assert.match(`${checks.get('authority')?.detail} ${checks.get('authority')?.remedy}`, 'NODE_EXTRA_CA_CERTS');
  assert.match(checks.get('not-checked')?.detail ?? '', /^clock, client-id, .* authority/);
  assert.not.match(checks.get('database')?.detail ?? '', 'data~', 'the slash is the home folder of some containers');
});

test('a clock that is 5 minutes slow, or fast, by an authority that answers', async () => {
  for (const [minutes, says] of [
    [5, / 5 min slow,/],
    [-5, / 5 min fast,/],
  ] as const) {
    const then = (): string => new Date(Date.now() + minutes * 60_000).toUTCString();
    const serve: RequestListener = (_request, response) =>
      response.writeHead(200, { Date: then() }).end(JSON.stringify({ token_endpoint: 'https://x/token' }));
    const checks = await withServer(serve, (origin) =>
      diagnose(home, { args: ['--authority', `${origin}/consumers`] }),
    );
    assert.match(checks.get('clock')?.detail ?? '', says);
    assert.ok(checks.get('authority')?.ok);
  }
  const untold: RequestListener = (_request, response) => {
    response.sendDate = false;
    response.end('{"token_endpoint":1}');
  };
  assert.ok((await withServer(untold, (origin) => diagnose(home, { args: ['--authority', origin] }))).get('clock')?.ok);
});

test('a dead proxy is named, and what goes through it is not checked', async () => {
  const env = { HTTP_PROXY: 'http://user:secret@127.0.0.1:9', NO_PROXY: '' };
  const checks = await diagnose(home, { env });
  const dead = /127\.0\.0\.1:9 \(ECONNREFUSED\) .*HTTP_PROXY/;
  assertFailed(checks, { authority: dead, graph: dead }, { authority: ['clock', 'client-id'] });
  assert.not.match(JSON.stringify([...checks.values()]), 'secret');
  assertFailed(await diagnose(home, { env: { ...env, NO_PROXY: '127.0.0.1' } }), {});
});

test('a proxy that works is named, without its password', async () => {
  const proxy = createServer(({ url = '', headers }, response) => {
    request(url, { headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    }).end();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const checks = await diagnose(home, { env: { HTTP_PROXY: `http://user:secret@${host}`, NO_PROXY: '' } });
  proxy.closeAllConnections();
  proxy.close();
  assertFailed(checks, {});
  for (const name of ['authority', 'graph'])
    assert.match(checks.get(name)?.detail ?? '', new RegExp(` answers through the proxy ${host} \\(HTTP_PROXY\\)$`));
  assert.not.match(JSON.stringify([...checks.values()]), 'secret');
});

test('a proxy that is none, and one that asks for a password', async () => {
  const none = /HTTP_PROXY .*\| .*http:/;
  const checks = await diagnose(home, { env: { HTTP_PROXY: 'proxy:8080', NO_PROXY: '' } });
  assertFailed(checks, { authority: none, graph: none }, { authority: ['clock', 'client-id'] });
  const server = createServer().on('connect', (_request, socket) => socket.end('HTTP/1.1 407 No\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const HTTPS_PROXY = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = ['--authority', 'https://login.invalid/consumers', '--graph', 'https://graph.invalid/v1.0'];
  const asked = await diagnose(home, { args, env: { HTTPS_PROXY, NO_PROXY: '' } });
  server.close();
  assert.match(asked.get('authority')?.remedy ?? '', /HTTPS_PROXY.*http:\/\/USER:PASSWORD@HOST:PORT/);
});

test('an authority that has problems, or is a hotel that wants a log-in', async () => {
  for (const [status, says] of [
    [500, /has problems: .* 500$/],
    [429, /has problems: .* 429$/],
    [200, /does not answer like .*200/],
  ] as const) {
    const serve: RequestListener = (_request, response) => response.writeHead(status).end('<html>Welcome</html>');
    const checks = await withServer(serve, (origin) =>
      diagnose(home, { args: ['--authority', `${origin}/consumers`] }),
    );
    assert.match(checks.get('authority')?.detail ?? '', says);
  }
});

test('a wrong --graph, and a page that comes in its place', async () => {
  const checks = await diagnose(home, { args: ['--graph', `${authority.origin}/nowhere`] });
  assertFailed(checks, { graph: /404.* \| .*--graph/ });
  const serve: RequestListener = (_request, response) => response.end('<html>Welcome</html>');
  const page = await withServer(serve, (origin) => diagnose(home, { args: ['--graph', origin] }));
  assertFailed(page, { graph: /200.* --graph/ });
  for (const status of [200, 401, 403]) {
    const json: RequestListener = (_request, response) => response.writeHead(status).end(' {}');
    assertFailed(await withServer(json, (origin) => diagnose(home, { args: ['--graph', origin] })), {});
  }
});

test('a fresh machine: no database and no client id; no file is made', async () => {
  using fresh = new CliHome(home.env);
  const checks = await diagnose(fresh);
  assert.match(checks.get('database')?.detail ?? '', /~[/\\]data[/\\]onedrive-token[/\\]tokens\.db/);
  assert.is(checks.get('database')?.remedy, 'Run: onedrive-token login --client-id ID');
  assert.match(checks.get('not-checked')?.detail ?? '', /^database-mode, file-system, lock, sign-in, .* database/);
  const { stdout } = await fresh.call(['doctor']);
  assert.equal(stdout.match(/^– \S+/gm), ['– client-id', '– not-checked']);
  assert.not.ok(existsSync(join(fresh.folder, 'data')));
});

test('with ONEDRIVE_TOKEN_SOCKET, the socket and its sign-in are checked, and no database', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no Unix sockets with file modes');
  const { socket, running } = await startService(home);
  const env = { ONEDRIVE_TOKEN_SOCKET: socket };
  const checks = await diagnose(home, { env });
  assertFailed(checks, {});
  assert.not.ok(checks.has('database'));
  assert.match(checks.get('sign-in')?.detail ?? '', 'Files.ReadWrite.All');
  running.child.kill('SIGTERM');
  await running.ended;
  assertFailed(await diagnose(home, { env }), { 'sign-in': /~\/sockets\/token\.sock/ });
});

test.run();
