import fs, { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { OneDriveTokenError, type TokenEvent } from 'onedrive-token-handler';
import { until } from 'testing-authority/until';
import { CliHome, openScene, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { guardRequest, openSession } from '../src/session/session.ts';
import type { Command } from '../src/settings/command.ts';
import { readSettings } from '../src/settings/settings.ts';
import { Interrupt } from '../src/terminal/interrupt.ts';
import { Screen } from '../src/terminal/screen.ts';
import { writeOut } from '../src/terminal/streams.ts';
import { rowsOf } from './fixtures/rows-of.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

for (const args of [[], ['token'], ['--app', 'onedrive-token'], ['--no-interactive']]) {
  test(`onedrive-token ${args.join(' ')} prints the stored token, a newline and nothing else`, async () => {
    const before = authority.requests.length;
    const { status, stdout, stderr } = await home.call(args);
    assert.is(status, 0);
    assert.is(stderr, '');
    assert.match(stdout, /^\S+\n$/);
    assert.ok(authority.issuedSecrets.has(stdout.trim()));
    assert.is(authority.requests.length, before);
  });
}

test('a stored token is printed without the full program, which would take twice as long', async () => {
  const hooks = `require('node:module').registerHooks({ resolve: (name, context, next) => (console.error(name), next(name, context)) })`;
  const file = join(home.folder, 'print-imports.cjs');
  writeFileSync(file, hooks);
  const { stdout, stderr } = await home.run([], { env: { NODE_OPTIONS: `--require ${file}` } });
  assert.ok(authority.issuedSecrets.has(stdout.trim()));
  const packages = new Set(stderr.split('\n').filter((name) => /^[a-z]/.test(name) && !name.startsWith('node:')));
  const small = ['onedrive-token-handler/stored-token', 'shared-token/usable-token', 'token-store-sqlite/read-record'];
  assert.equal([...packages].sort(), small);
});

test('--json has the token and when it expires', async () => {
  const { status, stdout } = await home.call(['--json']);
  assert.is(status, 0);
  const { token, expiresAt, ...rest } = JSON.parse(stdout);
  assert.equal(rest, {});
  assert.ok(authority.issuedSecrets.has(token));
  assert.ok(Math.abs(expiresAt - Date.now() - 3_600_000) < 60_000);
});

test('--verbose logs what happens, without secrets', async () => {
  home.expireTokens();
  const { status, stdout, stderr } = await home.call(['--verbose']);
  assert.is(status, 0);
  assert.is((await home.call([])).stdout, stdout);
  assert.match(stderr, /refresh-started \{\}\nrefreshed \{"expiresAt":\d+,"rotated":true/);
  for (const secret of authority.issuedSecrets) assert.not.match(stderr, secret);
  const failed = await home.call(['--verbose', '--app', 'nobody', '--client-id', 'x']);
  assert.match(failed.stderr, /^onedrive-token: .*\n(?:.*\n)* {4}at /, 'and where an error comes from');
});

test('if the reader has closed stdout, the status is 0 and no message is printed', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no shell of this kind');
  for (const args of [[], ['api', '/me']]) {
    const { stderr } = await home.shell(`{ sleep 0.2; onedrive-token ${args.join(' ')}; echo $? >&2; } | true`);
    assert.is(stderr, '0\n');
  }
});

test('a full disk behind stdout ends with 1', async () => {
  if (!existsSync('/dev/full')) return console.log('skipped: needs /dev/full');
  const { status, stderr } = await home.shell('onedrive-token >/dev/full');
  assert.is(status, 1);
  assert.match(stderr, /^onedrive-token: .*no space left/);
});

test('a reader that is slow, or takes an answer in pieces, gets all of it', () => {
  const { writeSync } = fs;
  const lengths = [2, undefined, 3];
  let taken = '';
  const writeNext = (_descriptor: number, bytes: Buffer): number => {
    const length = lengths.shift();
    if (length === undefined) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
    taken += bytes.subarray(0, length);
    return length;
  };
  Object.assign(fs, { writeSync: writeNext });
  try {
    writeOut('hello');
  } finally {
    Object.assign(fs, { writeSync });
  }
  assert.is(taken, 'hello');
});

for (const [what, args] of [
  ['another client id', ['--client-id', authority.otherClientId]],
  ['another authority', ['--authority', `${authority.origin}/other`]],
  ['another app name', ['--app', 'other', '--client-id', authority.clientId]],
] as const) {
  test(`a record of ${what} does not count: token and status end with 3, and no browser opens`, async () => {
    const before = authority.requests.length;
    for (const command of ['token', 'status']) {
      const { status, stdout, stderr } = await home.call([command, ...args]);
      assert.is(status, 3);
      const said = command === 'token' ? stderr : stdout;
      assert.match(said, /Run: onedrive-token login --/);
      assert.is(said.trim().split('\n').length, 1);
      assert.is(command === 'token' ? stdout : stderr, '');
    }
    assert.is(authority.requests.length, before);
  });
}

test('a revoked sign-in ends with 3 and one line: the reason and ids of the provider, and what to run', async () => {
  await authority.revokeAll();
  home.expireTokens();
  const { status, stdout, stderr } = await home.call([]);
  assert.is(status, 3);
  assert.is(stdout, '');
  assert.match(stderr, /^onedrive-token: .*Run: onedrive-token login.*\n$/);
  assert.match(stderr, /\(invalid_grant: AADSTS50173: .+, .+ \S+, .+ \S+\)/);
  assert.not.match(stderr, 'signIn()');
  await home.login();
});

test('status after a refusal ends with 3, and shows when and why, and what to run', async () => {
  await authority.revokeAll();
  home.expireTokens();
  await home.call([]);
  const { status, stdout, stderr } = await home.call(['status', '--db', home.db]);
  assert.is(status, 3);
  assert.is(stderr, '');
  assert.match(stdout, 'Someone (someone@example.com)');
  const [, , expiry, , refused, because] = rowsOf(stdout);
  for (const value of [expiry, refused]) assert.match(value ?? '', /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  assert.is(because, 'invalid_grant AADSTS50173');
  assert.ok(stdout.endsWith(`\nRun: onedrive-token login --db ${home.db}\n`), stdout);
  const json = await home.call(['status', '--json']);
  assert.is(json.status, 3);
  const { signedIn, refusedAt, refusedBecause } = JSON.parse(json.stdout);
  assert.equal([signedIn, refusedBecause], [true, 'invalid_grant AADSTS50173']);
  assert.ok(Math.abs(refusedAt - Date.now()) < 60_000);
  const again = await home.call([]);
  assert.is(again.status, 3);
  assert.match(again.stderr, '(invalid_grant AADSTS50173)');
  await home.login();
  assert.is((await home.call(['status'])).status, 0);
});

test('a provider that asks to wait for half an hour ends the command with 6, worth trying again later', async () => {
  home.expireTokens();
  authority.fail('token', { type: 'status', status: 429, retryAfter: '1800' }, { times: 9 });
  const { status, stdout, stderr } = await home.call(['--verbose']);
  assert.equal([status, stdout], [6, '']);
  assert.match(stderr, /^refresh-failed \{"error":".*HTTP 429.*\nonedrive-token: \S/m);
  authority.clearFaults();
  assert.is((await home.call([])).status, 0);
});

test('a damaged database ends with 7: it is named, and kept as it is', async () => {
  using other = new CliHome(home.env);
  const file = join(other.folder, 'broken.db');
  writeFileSync(file, 'no database at all, but longer than the hundred bytes that a header has: '.repeat(9));
  const before = readFileSync(file);
  for (const command of ['token', 'status', 'list', 'logout', 'login']) {
    const { status, stdout, stderr } = await other.call([command, '--db', file, '--client-id', authority.clientId]);
    assert.is(status, 7);
    assert.is(stdout, '');
    assert.ok(stderr.includes(file), stderr);
  }
  assert.equal(readFileSync(file), before);
});

test('Ctrl-C during a refresh loses nothing: the new tokens are stored, and the status is 130', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  home.expireTokens();
  authority.fail('token', { type: 'slow', ms: 700 });
  const before = authority.count('token', 'refresh_token');
  const running = home.start([]);
  await until(() => authority.count('token', 'refresh_token') !== before);
  running.child.kill('SIGINT');
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 130);
  assert.is(stdout, '');
  assert.is(stderr.split('\n').length, 3, stderr);
  assert.is((await home.call([])).status, 0);
  assert.is(authority.count('token', 'refresh_token'), before + 1);
});

test('a signal waits for a refresh and for the exchange of a code, until they have ended in whatever way', () => {
  using interrupt = new Interrupt();
  const command = { interrupt } as Command;
  const tell = (type: TokenEvent['type']): void => guardRequest(command, { type } as TokenEvent);
  for (const [start, ends] of [
    ['refresh-started', ['refreshed', 'refresh-failed', 'stored-token']],
    ['redeeming', ['signed-in', 'sign-in-failed']],
  ] as const) {
    for (const end of ends) {
      tell(start);
      tell('retry');
      assert.ok(interrupt.busyWith);
      tell(end);
      assert.is(interrupt.busyWith, undefined);
    }
  }
  assert.not(command.isSignInKept);
  interrupt.press();
  tell('signed-in');
  assert.ok(command.isSignInKept);
});

test('a second signal during a refresh ends the process at once', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  home.expireTokens();
  authority.fail('token', { type: 'hang' });
  const before = authority.count('token', 'refresh_token');
  const running = home.start([]);
  await until(() => authority.count('token', 'refresh_token') !== before);
  running.child.kill('SIGTERM');
  await running.says(/^onedrive-token: /);
  running.child.kill('SIGTERM');
  const { signal, stderr } = await running.ended;
  assert.is(signal, 'SIGTERM');
  assert.match(stderr, /^.*interrupt again to stop at once\n$/);
  assert.is((await home.call([])).status, 0);
});

for (const [end, isStored] of [
  ['finish', true],
  ['finish', false],
  [Symbol.asyncDispose, true],
  [Symbol.asyncDispose, false],
] as const) {
  const what = isStored ? 'could be stored at the second attempt are not missed' : 'could not be stored are missed';
  test(`new tokens that ${what}: ${String(end)}`, async () => {
    home.expireTokens();
    const { promise, resolve: answer } = Promise.withResolvers<void>();
    authority.fail('token', { type: 'held', until: promise });
    using interrupt = new Interrupt();
    const command: Command = { settings: readSettings({}, home.env), screen: new Screen({}), interrupt };
    const session = await openSession(command, { interactive: false });
    const refresh = session.handler.getTokenDetails();
    await until(() => interrupt.busyWith !== undefined);
    const database = new DatabaseSync(home.db);
    database.exec('CREATE TRIGGER full BEFORE UPDATE ON token BEGIN INSERT INTO missing VALUES (1); END');
    answer();
    const { accessToken } = await refresh;
    if (isStored) database.exec('DROP TRIGGER full');
    const { writeSync } = fs;
    const said: string[] = [];
    Object.assign(fs, { writeSync: (_: number, bytes: Buffer) => said.push(String(bytes)) && bytes.length });
    let error: unknown;
    try {
      await session[end]();
      if (end === 'finish') await session[Symbol.asyncDispose]();
    } catch (thrown) {
      error = thrown;
      await session[Symbol.asyncDispose]();
    } finally {
      Object.assign(fs, { writeSync });
    }
    database.exec('DROP TRIGGER IF EXISTS full');
    database.close();
    // It is said once.
    if (isStored || end === 'finish') assert.equal(said, []);
    else assert.match(said.join(), /^onedrive-token: the token works, but could not be stored: .+\n$/);
    assert.is(error instanceof OneDriveTokenError && error.code === 'STORE', !isStored && end === 'finish');
    if (isStored) assert.is((await home.call([])).stdout, `${accessToken}\n`);
    else await home.login();
  });
}

test('a stored token needs no write, also if a person could be asked to sign in', async () => {
  using database = new DatabaseSync(home.db);
  for (const change of ['INSERT', 'UPDATE'])
    database.exec(`CREATE TRIGGER full${change} BEFORE ${change} ON token BEGIN INSERT INTO missing VALUES (1); END`);
  using interrupt = new Interrupt();
  const command: Command = { settings: readSettings({}, home.env), screen: new Screen({}), interrupt };
  await using session = await openSession(command, { interactive: true });
  assert.ok(authority.issuedSecrets.has((await session.handler.getTokenDetails()).accessToken));
  database.exec('DROP TRIGGER fullINSERT; DROP TRIGGER fullUPDATE');
});

test('a passphrase comes from a variable or a file; without it the status is 7', async () => {
  await using encrypted = await openScene();
  const { home: other } = encrypted;
  const key = ' correct horse battery staple ';
  const file = `${other.folder}/key`;
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  await other.login(['--encrypt', '--client-id', encrypted.authority.clientId], { env: { ONEDRIVE_TOKEN_KEY: key } });
  const token = (await other.call([], { env: { ONEDRIVE_TOKEN_KEY: key } })).stdout;
  assert.ok(encrypted.authority.issuedSecrets.has(token.trim()));
  assert.is((await other.call([], { env: { ONEDRIVE_TOKEN_KEY_FILE: file } })).stdout, token);
  assert.is((await other.call(['--key-file', file], { env: { ONEDRIVE_TOKEN_KEY: 'wrong' } })).stdout, token);
  assert.not.match(readFileSync(other.db, 'latin1'), token.trim());
  for (const command of ['token', 'logout']) {
    const { status, stdout, stderr } = await other.call([command]);
    assert.equal([status, stdout], [7, '']);
    assert.match(stderr, /^onedrive-token: .*ONEDRIVE_TOKEN_KEY/);
  }
});

test('a passphrase for an unencrypted database ends with 7, although its token could be read', async () => {
  const { status, stdout, stderr } = await home.call([], { env: { ONEDRIVE_TOKEN_KEY: 'correct horse' } });
  assert.is(status, 7);
  assert.is(stdout, '');
  assert.match(stderr, 'ONEDRIVE_TOKEN_KEY');
});

test('what a killed process has left half written is undone', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows copies no file that is open');
  using other = new CliHome(home.env);
  const writer = new DatabaseSync(home.db);
  // So small a cache makes SQLite write pages, and the journal before them, within the transaction.
  writer.exec('PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE token SET access_token = hex(randomblob(90000))');
  mkdirSync(dirname(other.db), { recursive: true });
  for (const ending of ['', '-journal']) copyFileSync(home.db + ending, other.db + ending);
  writer.exec('ROLLBACK');
  writer.close();
  assert.is((await other.call(['status'])).status, 7);
  const { stdout, stderr } = await other.call([]);
  assert.is(stderr, '');
  assert.ok(authority.issuedSecrets.has(stdout.trim()));
  assert.is((await other.call(['status'])).status, 0);
});

test.run();
