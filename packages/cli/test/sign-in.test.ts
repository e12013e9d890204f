import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { approveDevice, signInAs, signInElsewhere } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CliHome, openScene, type Running } from './fixtures/cli-home.ts';

const { home, authority, ...scene } = await openScene({ deviceInterval: 0 });
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

const clientId = ['--client-id', authority.clientId];
const stdin = 'open';

async function addressOf(running: Running): Promise<string> {
  const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
  return address;
}

test('login opens the command that BROWSER names, without a terminal too, and says who signed in', async () => {
  using other = new CliHome(home.env);
  const { status, stdout, stderr } = await other.run(['login', ...clientId]);
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.match(stderr, /\nSigned in as Someone \(someone@example\.com\)\.\n$/);
  const token = await other.run([]);
  assert.is(token.status, 0);
  assert.ok(authority.issuedSecrets.has(token.stdout.trim()));
});

test('login --json prints the status of the sign-in, and only that, on stdout', async () => {
  using other = new CliHome(home.env);
  const { stdout } = await other.login(['--json', ...clientId]);
  const { signedIn, appName, scopes, account } = JSON.parse(stdout);
  assert.equal(
    { signedIn, appName, scopes },
    { signedIn: true, appName: 'onedrive-token', scopes: ['Files.ReadWrite.All'] },
  );
  assert.is(account.username, 'someone@example.com');
});

test('a browser that talks does not talk on our stdout or stderr', async () => {
  using other = new CliHome(home.env);
  const script = `${other.folder}/browser with spaces.sh`;
  writeFileSync(script, `#!/bin/sh\necho chatter; echo chatter >&2; exec ${home.env.BROWSER} "$1"\n`, { mode: 0o755 });
  const { status, stdout, stderr } = await other.run(['login', ...clientId], { env: { BROWSER: script } });
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.not.match(stderr, 'chatter');
});

test('the client id and the scopes are remembered, beside the database, and survive a logout', async () => {
  using other = new CliHome(home.env);
  await other.login([...clientId, '--scope', 'Files.Read', '--scope', 'User.Read']);
  const file = `${other.db}.apps.json`;
  assert.equal(JSON.parse(readFileSync(file, 'utf8')), {
    'onedrive-token': { clientId: authority.clientId, scopes: ['Files.Read', 'User.Read'] },
  });
  for (const secret of authority.issuedSecrets) assert.not.match(readFileSync(file, 'utf8'), secret);
  assert.is((await other.run([])).status, 0);
  assert.equal(JSON.parse((await other.run(['status', '--json'])).stdout).scopes, ['Files.Read', 'User.Read']);
  await other.run(['logout']);
  assert.is((await other.run([])).status, 3);
  await other.login();
  assert.equal(JSON.parse((await other.run(['status', '--json'])).stdout).scopes, ['Files.ReadWrite.All']);
});

test('scopes may be given one by one, together, or in one argument as status prints them', async () => {
  for (const given of [
    ['--scope', 'Files.Read', '--scope', 'User.Read'],
    ['--scope', 'Files.Read', 'User.Read'],
    ['--scope', 'Files.Read User.Read'],
  ]) {
    using other = new CliHome(home.env);
    await other.login([...given, ...clientId]);
    assert.equal(JSON.parse((await other.run(['status', '--json'])).stdout).scopes, ['Files.Read', 'User.Read']);
  }
});

test('a sign-in with fewer scopes counts, also where it is not remembered or another program made it', async () => {
  using other = new CliHome(home.env);
  await other.login(['--scope', 'Files.Read', ...clientId]);
  rmSync(`${other.db}.apps.json`);
  for (const args of [['status'], ['token'], ['api', '/me/drive'], ['exec', '--', 'true']]) {
    const [command = '', ...rest] = args;
    const { status, stderr } = await other.run([command, ...clientId, ...rest]);
    assert.is(status, 0, stderr);
  }
});

test('what is remembered of a database is found by any symbolic link to it', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  symlinkSync(other.db, `${other.folder}/link.db`);
  assert.is((await other.run(['status', '--db', 'link.db'])).status, 0);
  await other.login(['--db', 'link.db', '--app', 'second', ...clientId]);
  assert.is((await other.run(['status', '--app', 'second'])).status, 0);
});

test('--no-browser waits on loopback', async () => {
  using other = new CliHome(home.env);
  const running = other.start(['login', '--no-browser', ...clientId]);
  const url = await addressOf(running);
  const page = await signInAs(url);
  assert.is(page.status, 200);
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.match(stderr, 'Signed in as');
  assert.is(authority.count('authorize') > 0, true);
});

test('--response-mode query has the code come back in the address', async () => {
  using other = new CliHome(home.env);
  const running = other.start(['login', '--response-mode', 'query', ...clientId], { env: { BROWSER: 'true' } });
  const url = await addressOf(running);
  assert.is(new URL(url).searchParams.get('response_mode'), 'query');
  const page = await signInAs(url);
  assert.match(page.url, /^http:\/\/localhost:\d+\/?\?.*\bcode=/);
  assert.is((await running.ended).status, 0);
});

test('--no-browser takes a pasted address as well, and explains those that are none', async () => {
  using other = new CliHome(home.env);
  const running = other.start(['login', '--no-browser', ...clientId], { stdin });
  const url = await addressOf(running);
  const { port } = new URL(new URL(url).searchParams.get('redirect_uri') ?? '');
  const answer = await signInElsewhere(url);
  for (const [wrong, says] of [
    ['hello', /is not an address/],
    ['https://example.com/?code=x&state=y', /is not the page this sign-in ends at/],
    [`http://localhost:1/?code=x&state=y`, /is not the page this sign-in ends at/],
    [`http://localhost:${port}/`, /after the \? is missing/],
    [`http://localhost:${port}/?code=x&state=y`, /is not of this sign-in/],
  ] as const) {
    running.child.stdin?.write(`${wrong}\n`);
    await running.says(new RegExp(`Not taken: .*${says.source}`));
  }
  running.child.stdin?.write(`  ${answer.replace('http://', '')} \n`);
  const { status, stderr } = await running.ended;
  assert.is(status, 0);
  assert.match(stderr, 'Signed in as');
});

test('--no-browser where stdin ends goes on waiting on loopback', async () => {
  using other = new CliHome(home.env);
  const running = other.start(['login', '--no-browser', ...clientId], { stdin: '' });
  await signInAs(await addressOf(running));
  assert.is((await running.ended).status, 0);
});

test('--paste takes the address that a browser elsewhere ended at', async () => {
  using other = new CliHome(home.env);
  const running = other.start(['login', '--paste', ...clientId], { stdin });
  const answer = await signInElsewhere(await addressOf(running));
  running.child.stdin?.write('http://localhost/?nothing=1\n');
  await running.says(/has no code in it/);
  running.child.stdin?.write(`${answer}\n`);
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.match(stderr, 'Signed in as');
});

test('--paste without anything to read fails', async () => {
  using other = new CliHome(home.env);
  const { status, stderr } = await other.run(['login', '--paste', ...clientId]);
  assert.is(status, 1);
  assert.match(stderr, 'nothing was pasted');
});

test('--device shows an address and a code, and waits until it is entered', async () => {
  using other = new CliHome(home.env);
  const running = other.start(['login', '--device', ...clientId]);
  const [, uri = '', code = ''] = await running.says(/open {3}(\S+)\n.*code {4}(\S+)\n/);
  await approveDevice(uri, code);
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.match(stderr, 'Signed in as');
});

test('a sign-in that is denied ends with 4, and stores nothing', async () => {
  using other = new CliHome(home.env);
  const { status, stdout, stderr } = await other.run(['login', ...clientId], {
    env: { SCRIPTED_BROWSER: '{"deny":true}' },
  });
  assert.is(status, 4);
  assert.is(stdout, '');
  assert.match(stderr, /onedrive-token: \S/);
  assert.is((await other.run([...clientId])).status, 3);
});

test('a sign-in that nobody finishes ends with 5 after --timeout', async () => {
  using other = new CliHome(home.env);
  const started = performance.now();
  const { status, stderr } = await other.run(['login', ...clientId, '--timeout', '0.4'], { env: { BROWSER: 'true' } });
  assert.is(status, 5);
  assert.match(stderr, 'or use login --paste or login --device. Allow more time with --timeout SECONDS.\n');
  assert.ok(performance.now() - started < 5000);
});

test('a signal while waiting ends with 128 + n and one line', async () => {
  using other = new CliHome(home.env);
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const running = other.start(['login', ...clientId], { env: { BROWSER: 'true' } });
    await addressOf(running);
    running.child.kill(signal);
    const { status, stdout, stderr } = await running.ended;
    assert.is(status, expected);
    assert.is(stdout, '');
    assert.match(stderr, /\nInterrupted\.\n$/);
  }
});

test('login --no-interactive and login without any answer to give end with 3', async () => {
  const { status, stdout, stderr } = await home.run(['login', '--no-interactive', ...clientId]);
  assert.is(status, 3);
  assert.is(stdout, '');
  assert.is(stderr.trim().split('\n').length, 1);
});

test('no code, token, verifier or state is said, whatever way in and with --verbose', async () => {
  using other = new CliHome(home.env);
  const running = other.start(['login', '--verbose', '--no-browser', ...clientId], { stdin });
  const url = await addressOf(running);
  running.child.stdin?.write(`${await signInElsewhere(url)}\n`);
  const { stderr } = await running.ended;
  const elsewhere = stderr.replace(url, '');
  assert.match(elsewhere, 'authorization-url');
  assert.not.match(elsewhere, new URL(url).searchParams.get('state') ?? '?');
  for (const secret of authority.issuedSecrets) assert.not.match(stderr, secret);
});

test.run();
