import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort, signInAs } from 'testing-authority';
import { CliHome, openScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openScene({ redirectUris: ['http://localhost', 'http://127.0.0.1'] });
test.after(() => scene[Symbol.asyncDispose]());

const clientId = ['--client-id', authority.clientId];

/** Signs in, and resolves with the parameters of the authorization request. */
async function loginOf(signingIn: CliHome, ...args: string[]): Promise<URLSearchParams> {
  const running = signingIn.begin(['login', ...args], { env: { BROWSER: 'true' } });
  const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
  await signInAs(address);
  const { status, stderr } = await running.ended;
  assert.is(status, 0, stderr);
  return new URL(address).searchParams;
}

test('--port chooses the port on which the browser comes back', async () => {
  using other = new CliHome(home.env);
  const port = await freePort();
  const query = await loginOf(other, ...clientId, '--port', String(port));
  assert.is(query.get('redirect_uri'), `http://localhost:${port}`);
});

test('an authority whose sign-ins Microsoft does not refresh: login warns', async () => {
  using other = new CliHome(home.env);
  const args = ['--authority', `${authority.origin}/common`, '--timeout', '0.3'];
  const { stderr } = await other.call(['login', ...clientId, ...args], { env: { BROWSER: 'true' } });
  assert.match(stderr, /^.*\/common\. Run: onedrive-token login --client-id \S+ --authority https:.*consumers\.\n/);
  assert.not.match(stderr, 'No browser could be opened');
});

test('a port that another program uses is wrong usage at once; the message names it and what to do', async () => {
  using other = new CliHome(home.env);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const { status, stdout, stderr } = await other.call(['login', ...clientId, '--port', String(port)]);
  server.close();
  assert.is(status, 2);
  assert.is(stdout, '');
  assert.match(stderr, new RegExp(`${port} .*localhost.*EADDRINUSE`));
});

test('--redirect-host, --login-hint and --response-mode are in the request', async () => {
  using other = new CliHome(home.env);
  const hint = ['--login-hint', 'ada@example.com'];
  const options = ['--redirect-host', '127.0.0.1', ...hint, '--response-mode', 'query'];
  const query = await loginOf(other, ...clientId, ...options);
  assert.match(query.get('redirect_uri') ?? '', /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal([query.get('login_hint'), query.get('response_mode')], ['ada@example.com', 'query']);
});

test('the authority is that of the stored sign-in, and may be changed', async () => {
  using other = new CliHome({ ...home.env, ONEDRIVE_TOKEN_AUTHORITY: '' });
  await loginOf(other, ...clientId, '--authority', authority.url);
  assert.is((await other.call([])).status, 0);
  assert.is((await other.call(['status'])).status, 0);
  other.expireTokens();
  assert.is((await other.call([])).status, 0);
  await loginOf(other);
  assert.is((await other.call(['status', '--authority', `${authority.origin}/other`])).status, 3);
});

for (const [what, args, says] of [
  ['a port that is no number', ['--port', 'http'], /--port/],
  ['port 0', ['--port', '0'], /--port/],
  ['a port above 65535', ['--port', '65536'], /--port/],
  ['an unknown prompt', ['--prompt', 'none'], /--prompt.*select_account, login, consent/],
  ['an unknown redirect host', ['--redirect-host', 'example.com'], /--redirect-host.*localhost, 127\.0\.0\.1/],
  ['an empty login hint', ['--login-hint', ''], /--login-hint/],
  ['a device code with a port', ['--device', '--port', '8400'], /--device.*--port/],
] as const) {
  test(`${what} is wrong usage`, async () => {
    const { status, stderr } = await home.call(['login', ...clientId, ...args]);
    assert.is(status, 2);
    assert.match(stderr, says);
  });
}

test.run();
