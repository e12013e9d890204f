import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { CliHome, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findExposure } from '../src/session/socket-place.ts';
import { startService } from './fixtures/token-service.ts';

if (process.platform === 'win32') {
  console.log('skipped: Windows has no Unix sockets with file modes');
  process.exit(0);
}
const { home, authority, ...scene } = await openSignedInScene();
const { socket, ask } = await startService(home);
/** Another computer, or a container: it has the socket and no database. */
const client = new CliHome({ ONEDRIVE_TOKEN_GRAPH: authority.graphUrl, ONEDRIVE_TOKEN_SOCKET: socket });
test.after(async () => {
  client[Symbol.dispose]();
  await scene[Symbol.asyncDispose]();
});
test.after.each(() => authority.clearFaults());

async function expectStatus(args: readonly string[], expected: number, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { status, stdout, stderr } = await client.call(args, { env });
  assert.is(status, expected, stderr);
  assert.is(stdout, '');
  assert.match(stderr, /^onedrive-token: \S.*\n$/);
  return stderr;
}

test('token prints the token of the socket, with --json also when it expires', async () => {
  const { body } = await ask('/token');
  assert.equal(await client.call([]), { status: 0, signal: null, stdout: `${body.token}\n`, stderr: '' });
  assert.equal(JSON.parse((await client.call(['--json'])).stdout), body);
});

/** The token that `exec` gives to a program. */
async function tokenOfExec(env: NodeJS.ProcessEnv = {}, caller = client): Promise<string> {
  const { status } = await caller.call(['exec', '--', 'sh', '-c', 'printenv ONEDRIVE_TOKEN >given'], { env });
  assert.is(status, 0);
  return readFileSync(join(caller.folder, 'given'), 'utf8');
}

test('exec gives the token of the socket to a program', async () => {
  assert.is(await tokenOfExec(), `${(await ask('/token')).body.token}\n`);
});

test("exec hands out what there is if the provider's tokens are shorter; token --min-valid ends with 1", async () => {
  authority.accessTokenTtl = 600;
  const token = (await home.call(['token', '--refresh'])).stdout;
  authority.accessTokenTtl = 3600;
  assert.is(await tokenOfExec(), token);
  assert.match(await expectStatus(['--min-valid', '30m'], 1), /--min-valid.* (600|59\d)s\b/);
  await home.call(['token', '--refresh']);
});

test('status shows the sign-in and the socket', async () => {
  const { status, stdout } = await client.call(['status']);
  assert.is(status, 0);
  assert.match(stdout, 'Someone (someone@example.com)');
  assert.match(stdout, new RegExp(`^Socket +${socket}$`, 'm'));
  assert.not.match(stdout, 'Database');
  assert.equal(JSON.parse((await client.call(['status', '--json'])).stdout), (await ask('/status')).body);
});

test('api calls Graph with the token of the socket, and asks for a new one after a 401', async () => {
  assert.match((await client.call(['api', '/me'])).stdout, 'someone@example.com');
  const { body: old } = await ask('/token');
  authority.fail('graph', { type: 'status', status: 401 });
  const { status, stdout } = await client.call(['api', '/me']);
  assert.is(status, 0);
  assert.match(stdout, 'someone@example.com');
  assert.is.not((await ask('/token')).body.token, old.token);
  authority.fail('graph', { type: 'status', status: 403 });
  assert.match(await expectStatus(['api', '/me'], 1), /run: onedrive-token login --scope SCOPE \(on the computer/);
});

test('the client makes no file, and asks the provider nothing', () => {
  assert.not.ok(existsSync(join(client.folder, 'data')));
});

for (const command of [['login'], ['logout'], ['rekey', '--decrypt'], ['move', '--to', 'x.db'], ['serve'], ['list']]) {
  test(`${command.join(' ')} needs the database, and is refused with 2`, async () => {
    const said = await expectStatus(command, 2);
    assert.match(said, 'ONEDRIVE_TOKEN_SOCKET');
    assert.match(said, socket);
  });
}

for (const args of [['--app', 'family'], ['--db=other.db'], ['--keyring'], ['api', '/me', '--client-id', 'x']]) {
  test(`${args.join(' ')} names other tokens than those of the socket: 2, and no wrong token`, async () => {
    assert.match(await expectStatus(args, 2), /--(app|db|keyring|client-id): ONEDRIVE_TOKEN_SOCKET /);
  });
}

test('a socket that cannot be reached ends with 6, and the message says why and what to run', async () => {
  const file = join(client.folder, 'file');
  writeFileSync(file, '');
  const missing = join(client.folder, 'missing');
  for (const [path, why, args] of [
    [missing, 'no such file or directory', []],
    [file, 'connection refused', ['api', '/me']],
    [missing, 'no such file or directory', ['status']],
    [`${file}/s`, 'not a directory', ['exec', '--', 'true']],
  ] as const) {
    const said = await expectStatus(args, 6, { ONEDRIVE_TOKEN_SOCKET: path });
    assert.match(said, path);
    assert.match(said, why);
    assert.match(said, 'onedrive-token serve');
  }
});

test('an empty ONEDRIVE_TOKEN_SOCKET counts as unset', async () => {
  const { status, stdout } = await home.call([], { env: { ONEDRIVE_TOKEN_SOCKET: '' } });
  assert.is(status, 0);
  assert.ok(authority.issuedSecrets.has(stdout.trim()));
});

for (const [what, answer, expected] of [
  ['HTML', (_: unknown, response) => response.end('<html>hello</html>'), 1],
  ['no answer at all', (request) => request.socket.destroy(), 6],
  [
    'a broken answer',
    (_: unknown, response) => {
      response.writeHead(200, { 'Content-Length': 99 });
      response.write('{"token"');
      setTimeout(() => response.destroy(), 10);
    },
    6,
  ],
  ['200 without a token', (_: unknown, response) => response.end('{}'), 1],
  ['200 without an end', (_: unknown, response) => response.end('{"token":"x"}'), 1],
  ['200 with an end that is none', (_: unknown, response) => response.end('{"token":"x","expiresAt":"1"}'), 1],
  ['401 for another reason', (_: unknown, response) => response.writeHead(401).end('{"error":"other"}'), 1],
  ['500', (_: unknown, response) => response.writeHead(500).end('{"error":"sign_in_required"}'), 1],
] satisfies [string, RequestListener, number][]) {
  test(`a socket that gives ${what}: status ${expected}`, async () => {
    const folder = join(client.folder, 'stand-in');
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `s${Math.random()}`);
    const server = createServer(answer).listen(path);
    try {
      assert.match(await expectStatus([], expected, { ONEDRIVE_TOKEN_SOCKET: path }), path);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

test('a path that no socket can have is an error of its own; one that is just short enough is asked', async () => {
  for (const [length, expected, says] of [
    [103, 6, 'connection refused'],
    [104, 1, '103 bytes'],
  ] as const) {
    const path = join(client.folder, 'x'.repeat(length - client.folder.length - 1));
    writeFileSync(path, '');
    assert.match(await expectStatus([], expected, { ONEDRIVE_TOKEN_SOCKET: path }), says);
  }
});

test('a socket that another user could have put there: 1, and no token of another account', async () => {
  const parent = join(client.folder, 'parent');
  const path = join(parent, 'own', 's');
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  const server = createServer((_, response) => response.end('{"token":"x","expiresAt":1}')).listen(path);
  const link = join(client.folder, 'link');
  symlinkSync(join(parent, 'own'), link);
  const ask = () => client.call([], { env: { ONEDRIVE_TOKEN_SOCKET: join(link, 's') } });
  try {
    assert.equal(await ask(), { status: 0, signal: null, stdout: 'x\n', stderr: '' });
    chmodSync(parent, 0o777);
    const open = await ask();
    assert.equal([open.status, open.stdout], [1, '']);
    assert.match(open.stderr, new RegExp(`${parent} .*\\b0777`));
    chmodSync(parent, 0o1777);
    assert.is((await ask()).status, 0);
    if (process.getuid?.() !== 0) return console.log('skipped: giving a folder to another user needs root');
    // A group that is not the owner's own has other users in it.
    for (const [group, isExposed, mode] of [
      [12345, true, 0o770],
      [12345, false, 0o755],
      [0, false, 0o770],
    ] as const) {
      chownSync(parent, 0, group);
      chmodSync(parent, mode);
      assert.is((await ask()).status, isExposed ? 1 : 0);
    }
    chownSync(parent, 12345, 12345);
    const foreign = await ask();
    assert.equal([foreign.status, foreign.stdout], [1, '']);
    assert.match(foreign.stderr, new RegExp(`${parent} .*12345`));
    // As in a container whose user is root.
    for (const each of [path, join(path, '..')]) chownSync(each, 12345, 12345);
    assert.is((await ask()).status, 0);
    assert.match(findExposure(path, 54321) ?? '', path);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('Ctrl-C ends a client that waits for the socket', async () => {
  const path = join(client.folder, 'silent');
  const asked = Promise.withResolvers<void>();
  const server = createServer(() => asked.resolve()).listen(path);
  const running = client.start([], { env: { ONEDRIVE_TOKEN_SOCKET: path } });
  await asked.promise;
  running.child.kill('SIGINT');
  assert.is((await running.ended).status, 130);
  server.closeAllConnections();
  server.close();
});

test('a provider that fails: the client ends with 6, and says when to try again', async () => {
  home.expireTokens();
  authority.fail('token', { type: 'status', status: 429, retryAfter: '1800' }, { times: 9 });
  assert.match(await expectStatus([], 6), /HTTP 429.* 1800 s\b/);
});

test('while the provider fails, exec hands out what there is; token --min-valid ends with 6', async () => {
  const path = join(client.folder, 'failing');
  // 500: the refresh fails in a way that later does not mend.
  let status = 500;
  const server = createServer(({ url = '' }, response) => {
    if (url === '/token') response.end(JSON.stringify({ token: 'x', expiresAt: Date.now() + 60_000 }));
    else response.writeHead(status, { 'Retry-After': '9' }).end('{"error":"unavailable"}');
  });
  server.listen(path).unref();
  const env = { ONEDRIVE_TOKEN_SOCKET: path };
  assert.is(await tokenOfExec(env), 'x\n');
  status = 503;
  assert.is(await tokenOfExec(env), 'x\n');
  assert.is(await tokenOfExec(env, home), 'x\n', 'and not the token of the database that is here, too');
  assert.match(await expectStatus(['--min-valid', '30m'], 6, env), /it answered with status 503\. .* 9 s\n/);
  for (const args of [['--refresh'], ['--refresh', '--min-valid', '1s']]) {
    assert.match(await expectStatus(args, 6, env), ' 9 s\n');
  }
  server.closeAllConnections();
  server.close();
});

test('after a sign-out each command ends with 3, and says where to sign in', async () => {
  await home.call(['logout']);
  for (const args of [[], ['api', '/me']]) {
    assert.match(await expectStatus(args, 3), 'run: onedrive-token login');
  }
  const { status, stdout } = await client.call(['status']);
  assert.is(status, 3);
  assert.match(stdout, 'run: onedrive-token login');
});

test.run();
