import { writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { approveDevice, signInAs, signInElsewhere } from 'testing-authority';
import { type Called, CliHome, doNothing, openScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openScene({ deviceInterval: 0 });
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

const clientId = ['--client-id', authority.clientId];
const stdin = 'open';

async function addressOf(running: Pick<Called, 'says'>): Promise<string> {
  const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
  return address;
}

test('a database that takes no write ends login before a browser opens: 7; tokens that it does not take later do the same', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  const running = other.begin(['login', ...clientId], { env: { BROWSER: 'true' } });
  const address = await addressOf(running);
  const database = new DatabaseSync(other.db);
  for (const change of ['INSERT', 'UPDATE'])
    database.exec(`CREATE TRIGGER full${change} BEFORE ${change} ON token BEGIN INSERT INTO missing VALUES (1); END`);
  database.close();
  await signInAs(address);
  const { status, stderr } = await running.ended;
  assert.is(status, 7);
  assert.not.match(stderr, 'Signed in');
  const before = authority.count('authorize');
  assert.is((await other.call(['login'])).status, 7);
  assert.is(authority.count('authorize'), before);
  assert.is((await other.call(['--verbose'])).status, 0, 'a stored token needs no write');
});

test('login opens the command that BROWSER names, even without a terminal, and says who signed in', async () => {
  using other = new CliHome(home.env);
  const { status, stdout, stderr } = await other.call(['login', ...clientId]);
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.match(stderr, /\n.* Someone \(someone@example\.com\)\.\n$/);
  const token = await other.call([]);
  assert.is(token.status, 0);
  assert.ok(authority.issuedSecrets.has(token.stdout.trim()));
});

test('BROWSER may be a list: the first command that opens the address counts', async () => {
  using other = new CliHome(home.env);
  const browsers = ['no-such-browser', 'false', "sh -c 'exit 1' 'a:b'", `${home.env.BROWSER} %s`];
  const { status } = await other.call(['login', ...clientId], { env: { BROWSER: browsers.join(delimiter) } });
  assert.is(status, 0);
});

test('login --json prints the status of the sign-in on stdout, and nothing else', async () => {
  using other = new CliHome(home.env);
  const { stdout } = await other.login(['--json', ...clientId]);
  const { signedIn, appName, scopes, account } = JSON.parse(stdout);
  assert.equal(
    { signedIn, appName, scopes },
    { signedIn: true, appName: 'onedrive-token', scopes: ['Files.ReadWrite.All'] },
  );
  assert.is(account.username, 'someone@example.com');
});

test('what the browser prints does not reach our stdout or stderr', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows runs no script by its first line');
  using other = new CliHome(home.env);
  const script = `${other.folder}/browser with spaces.sh`;
  writeFileSync(script, `#!/bin/sh\necho chatter; echo chatter >&2; exec ${home.env.BROWSER} "$1"\n`, { mode: 0o755 });
  const { status, stdout, stderr } = await other.call(['login', ...clientId], { env: { BROWSER: script } });
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.not.match(stderr, 'chatter');
});

test('a later login needs no client id and asks for the scopes that were granted; after a logout it needs one', async () => {
  using other = new CliHome({ ...home.env, ONEDRIVE_TOKEN_AUTHORITY: '' });
  const scopes = async () => JSON.parse((await other.call(['status', '--json'])).stdout).scopes;
  await other.login([...clientId, '--authority', authority.url, '--scope', 'Files.Read', '--scope', 'User.Read']);
  assert.is((await other.call([])).status, 0);
  await authority.revokeAll();
  other.expireTokens();
  assert.is((await other.call([])).status, 3);
  await other.login();
  assert.equal(await scopes(), ['Files.Read', 'User.Read']);
  await other.login(['--scope', 'Files.ReadWrite']);
  assert.equal(await scopes(), ['Files.ReadWrite']);
  const { stderr } = await other.call(['logout']);
  assert.match(stderr, `--client-id ${authority.clientId}\n`);
  const token = await other.call([]);
  assert.is(token.status, 3);
  assert.match(token.stderr, /Run: onedrive-token login --client-id ID\n$/);
  const login = await other.call(['login']);
  assert.is(login.status, 2);
  assert.match(login.stderr, 'onedrive-token login --client-id');
});

test('scopes may be given one by one, together, or in one argument', async () => {
  for (const given of [
    ['--scope', 'Files.Read', '--scope', 'User.Read'],
    ['--scope', 'Files.Read', 'User.Read'],
    ['--scope', 'Files.Read User.Read'],
  ]) {
    using other = new CliHome(home.env);
    await other.login([...given, ...clientId]);
    assert.equal(JSON.parse((await other.call(['status', '--json'])).stdout).scopes, ['Files.Read', 'User.Read']);
  }
});

test('a sign-in with fewer scopes counts, also if another program signed in', async () => {
  using other = new CliHome(home.env);
  await other.login(['--scope', 'Files.Read', ...clientId]);
  for (const args of [['status'], ['token'], ['api', '/me/drive'], ['exec', '--', ...doNothing]]) {
    const [command = '', ...rest] = args;
    const { status, stderr } = await other.call([command, ...clientId, ...rest]);
    assert.is(status, 0, stderr);
  }
});

test('--no-browser waits for a browser on loopback', async () => {
  using other = new CliHome(home.env);
  const running = other.begin(['login', '--no-browser', ...clientId]);
  const url = await addressOf(running);
  const page = await signInAs(url);
  assert.is(page.status, 200);
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.match(stderr, 'Someone');
  assert.is(authority.count('authorize') > 0, true);
});

test('--no-browser also takes a pasted address, and explains why a wrong one is not taken', async () => {
  using other = new CliHome(home.env);
  const running = other.begin(['login', '--no-browser', ...clientId], { stdin });
  const url = await addressOf(running);
  const { port } = new URL(new URL(url).searchParams.get('redirect_uri') ?? '');
  const answer = await signInElsewhere(url);
  for (const [wrong, says] of [
    ['hello', /\n\n.+\n$/],
    [`http://localhost:${port}/?code=x&state=y`, /\n\n.+\n.+\n$/],
  ] as const) {
    running.stdin?.write(`${wrong}\n`);
    await running.says(says);
  }
  running.stdin?.write(`  ${answer.replace('http://', '')} \n`);
  const { status, stderr } = await running.ended;
  assert.is(status, 0);
  assert.match(stderr, 'Someone');
  assert.match(stderr, /nothing to paste\.$/m);
  assert.match(stderr, `(http://localhost:${port}/?code=...)`);
});

test('--no-browser still waits on loopback after stdin has ended', async () => {
  using other = new CliHome(home.env);
  const running = other.begin(['login', '--no-browser', ...clientId], { stdin: '' });
  await signInAs(await addressOf(running));
  assert.is((await running.ended).status, 0);
});

test('--no-browser still waits on loopback after a terminal has hung up: a read of stdin fails', async () => {
  using other = new CliHome(home.env);
  const running = other.begin(['login', '--no-browser', ...clientId], { stdin });
  const address = await addressOf(running);
  running.stdin?.destroy(new Error('read EIO'));
  await signInAs(address);
  assert.is((await running.ended).status, 0);
});

test('--paste takes the address of the page on which a browser of another computer ended', async () => {
  using other = new CliHome(home.env);
  const running = other.begin(['login', '--paste', ...clientId], { stdin });
  const answer = await signInElsewhere(await addressOf(running));
  running.stdin?.write('http://localhost/?nothing=1\n');
  running.stdin?.write(`${answer}\n`);
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.match(stderr, 'Someone');
  assert.not.match(stderr, 'nothing to paste');
  assert.match(stderr, 'The address has no code in it. ');
  assert.match(stderr, /^To enter a short code on your phone instead, run: onedrive-token login --device/m);
});

test('--paste fails if stdin is empty', async () => {
  using other = new CliHome(home.env);
  for (const stdin of ['', 'http://localhost/?nothing=1\n']) {
    const { status, stderr } = await other.call(['login', '--paste', ...clientId], { stdin });
    assert.is(status, 1);
    assert.match(stderr, / login --device[^\n]*\s+(?:.+\n)?onedrive-token: nothing was pasted\n$/);
  }
});

test('--device shows an address and a code, and waits until the code is entered', async () => {
  using other = new CliHome(home.env);
  const running = other.begin(['login', '--device', '--verbose', ...clientId]);
  const [, uri = '', code = ''] = await running.says(/ {3}(http\S+)\n.* {4}(\S+)\n/);
  await running.says(/^Enter only a code that you asked for yourself/m);
  // For as long as the code lives, and not only as long as for a browser.
  const [, expiresAt] = await running.says(/^sign-in-started .*"expiresAt":(\d+)/m);
  assert.ok(Number(expiresAt) > Date.now() + 600_000);
  await approveDevice(uri, code);
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.match(stderr, 'Someone');
});

test('a denied sign-in ends with 4 and stores nothing', async () => {
  using other = new CliHome(home.env);
  const running = other.begin(['login', ...clientId], { env: { BROWSER: 'true' } });
  await signInAs(await addressOf(running), { deny: true });
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 4);
  assert.is(stdout, '');
  assert.match(stderr, /onedrive-token: \S/);
  assert.is((await other.call([...clientId])).status, 3);
});

test('a sign-in that is not finished within --timeout ends with 5', async () => {
  using other = new CliHome(home.env);
  const started = performance.now();
  const { status, stderr } = await other.call(['login', ...clientId, '--timeout', '0.4'], {
    env: { BROWSER: 'false' },
  });
  assert.is(stderr.match(/authorize\?client_id/g)?.length, 1, stderr);
  assert.match(stderr, /^No browser could be opened: false ended with status 1$/m);
  assert.match(stderr, /^Browser on another computer\? Run: onedrive-token login --paste --client-id \S+$/m);
  assert.is(status, 5);
  assert.match(
    stderr,
    / 0\.4 s\. .* run: onedrive-token doctor --client-id \S+\. .* login --paste .* login --device.* --timeout SECONDS\n/,
  );
  assert.ok(performance.now() - started < 5000);
});

test('where no browser opens, the advice is not to paste: the command has just asked for that', async () => {
  using other = new CliHome(home.env);
  const { status, stderr } = await other.call(['login', '--no-browser', ...clientId, '--timeout', '0.4']);
  assert.is(status, 5);
  assert.not.match(stderr, 'login --paste');
  // A browser on this computer has nothing to paste.
  assert.match(stderr, /No address.* another computer.* login --device.*\n$/);
});

test('a refused code ends with 3, and the message is about the code', async () => {
  using other = new CliHome(home.env);
  authority.fail('token', { type: 'oauth', error: 'invalid_grant', description: 'spent', errorCodes: [70000] });
  const running = other.begin(['login', ...clientId], { env: { BROWSER: 'true' } });
  await signInAs(await addressOf(running));
  const { status, stderr } = await running.ended;
  assert.is(status, 3);
  assert.match(stderr, /\(invalid_grant: spent\) .* Run: onedrive-token login --client-id/);
});

test('a signal during the wait ends with 128 + n and one line', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  using other = new CliHome(home.env);
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
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

test('login --no-interactive ends with 3 and one line', async () => {
  for (const port of ['1', '65535']) {
    const { status, stdout, stderr } = await home.call(['login', '--no-interactive', '--port', port, ...clientId]);
    assert.is(status, 3);
    assert.is(stdout, '');
    assert.is(stderr.trim().split('\n').length, 1);
  }
});

test('no code, token, verifier or state is printed, even with --verbose', async () => {
  using other = new CliHome(home.env);
  const running = other.begin(['login', '--verbose', '--no-browser', ...clientId], { stdin });
  const url = await addressOf(running);
  running.stdin?.write(`${await signInElsewhere(url)}\n`);
  const { stderr } = await running.ended;
  const elsewhere = stderr.replace(url, '');
  assert.match(elsewhere, 'authorization-url');
  assert.not.match(elsewhere, new URL(url).searchParams.get('state') ?? '?');
  for (const secret of authority.issuedSecrets) assert.not.match(stderr, secret);
});

test.run();
