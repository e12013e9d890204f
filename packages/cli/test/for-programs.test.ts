import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CliHome, doNothing, openSignedInScene, printToken } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { diagnose } from './fixtures/diagnose.ts';
import { rowsOf } from './fixtures/rows-of.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => {
  authority.clearFaults();
  authority.accessTokenTtl = 3600;
});

const minute = 60_000;
const day = 24 * 60 * minute;

/** Changes times of the stored record. Undefined: the time is not stored. */
type Times = Record<'expires_at' | 'obtained_at' | 'refresh_expires_at', number | null>;

function setTimes(times: Times & { refused_at?: number | null }): void {
  const database = new DatabaseSync(home.db);
  for (const [column, value] of Object.entries(times)) {
    database.prepare(`UPDATE token SET ${column} = ?, revision = revision + 1`).run(value);
  }
  database.close();
}

/** The stored access token has so many minutes left of its hour. */
function leave(minutes: number): void {
  const expiresAt = Date.now() + minutes * minute;
  setTimes({ expires_at: expiresAt, obtained_at: expiresAt - 60 * minute, refresh_expires_at: null });
}

function refreshes(): number {
  return authority.count('token', 'refresh_token');
}

for (const command of [[], ['token']]) {
  test(`onedrive-token ${command} --header prints a header for curl -H @-, and with --json an object of headers`, async () => {
    const { stdout: token } = await home.call([]);
    const header = await home.call([...command, '--header']);
    assert.equal([header.status, header.stdout, header.stderr], [0, `Authorization: Bearer ${token}`, '']);
    const json = await home.call([...command, '--header', '--json']);
    assert.equal(JSON.parse(json.stdout), { Authorization: `Bearer ${token.trim()}` });
  });
}

test('token --refresh gets a new token although the stored one is valid', async () => {
  const { stdout: old } = await home.call([]);
  const before = refreshes();
  const { status, stdout } = await home.call(['token', '--refresh']);
  assert.is(status, 0);
  assert.is.not(stdout, old);
  assert.is(refreshes(), before + 1);
  assert.is((await home.call([])).stdout, stdout);
});

test('--min-valid refreshes a token that expires sooner, and only that', async () => {
  leave(20);
  const { stdout: old } = await home.call([]);
  const before = refreshes();
  assert.is((await home.call(['--min-valid', '15m'])).stdout, old);
  const { status, stdout } = await home.call(['--min-valid', '30m']);
  assert.is(status, 0);
  assert.is.not(stdout, old);
  assert.is((await home.call(['token', '--min-valid=30m'])).stdout, stdout);
  assert.is(refreshes(), before + 1);
});

test("--min-valid for nearly all of the life of the provider's tokens refreshes one that has used some of it", async () => {
  leave(40);
  const before = refreshes();
  assert.is((await home.call(['--min-valid', '60m'])).status, 0);
  assert.is(refreshes(), before + 1);
});

test("--min-valid for longer than the provider's tokens live ends with 1 and says how long they live", async () => {
  leave(10);
  for (const args of [['token'], ['exec', '--', 'echo', 'it ran']]) {
    const [command = '', ...rest] = args;
    const { status, stdout, stderr } = await home.call([command, '--min-valid', '3h', ...rest]);
    assert.equal([status, stdout], [1, '']);
    assert.match(stderr, /--min-valid .* 10800s\b.* 3[56]\d\ds\b/);
  }
});

test('if the refresh for --min-valid fails, the status is that of the refresh, although the old token is valid', async () => {
  leave(20);
  authority.fail('token', { type: 'status', status: 503 }, { times: 3 });
  const { status, stdout } = await home.call(['--min-valid', '30m']);
  assert.equal([status, stdout], [6, '']);
});

test('exec hands out a token that is valid for 30 minutes or longer', async () => {
  leave(20);
  const { stdout: old } = await home.call([]);
  const before = refreshes();
  const print = ['exec', '--', ...printToken];
  const { stdout: fresh } = await home.run(print);
  assert.is.not(fresh, old);
  leave(40);
  assert.is((await home.run(print)).stdout, fresh);
  assert.is(refreshes(), before + 1);
  await home.call(['exec', '--min-valid', '50m', '--', ...doNothing]);
  assert.is(refreshes(), before + 2);
});

test("exec hands out what there is if the provider's tokens are shorter, and does not refresh each time", async () => {
  authority.accessTokenTtl = 1200;
  await home.call(['token', '--refresh']);
  const before = refreshes();
  for (let time = 0; time < 2; time++) assert.is((await home.call(['exec', '--', ...doNothing])).status, 0);
  assert.is(refreshes(), before);
});

for (const wrong of ['30', '1w', 'soon', '-5m', '']) {
  test(`--min-valid '${wrong}' is wrong usage, and an example is given`, async () => {
    const { status, stderr } = await home.call(['token', `--min-valid=${wrong}`]);
    assert.is(status, 2);
    assert.match(stderr, '1h30m');
  });
}

test('whoami prints the user name, and with --json the account; it sends no request', async () => {
  const before = authority.requests.length;
  const { status, stdout } = await home.call(['whoami']);
  assert.equal([status, stdout], [0, 'someone@example.com\n']);
  const { name, username } = JSON.parse((await home.call(['whoami', '--json'])).stdout);
  assert.equal([name, username], ['Someone', 'someone@example.com']);
  assert.is(authority.requests.length, before);
});

test('whoami without a sign-in ends with 3 and says what to run', async () => {
  const { status, stdout, stderr } = await home.call(['whoami', '--app', 'nobody']);
  assert.equal([status, stdout], [3, '']);
  assert.match(stderr, 'onedrive-token login --app nobody');
});

test('whoami says a name if there is no user name, and says so if the sign-in does not tell whose it is', async () => {
  using database = new DatabaseSync(home.db);
  const tell = (idToken: string | null): void => {
    database.prepare('UPDATE token SET id_token = ?, revision = revision + 1').run(idToken);
  };
  tell(`x.${Buffer.from('{"name":"Ada"}').toString('base64url')}.x`);
  assert.is((await home.call(['whoami'])).stdout, 'Ada\n');
  assert.match((await home.call(['doctor'])).stdout, /^✓ sign-in +Ada, /m);
  tell(null);
  const { status, stdout, stderr } = await home.call(['whoami']);
  assert.equal([status, stdout], [1, '']);
  assert.match(stderr, 'Run: onedrive-token token --refresh');
  await home.call(['token', '--refresh']);
  assert.is((await home.call(['whoami'])).stdout, 'someone@example.com\n');
});

test('status shows by when to sign in', async () => {
  await home.call(['token', '--refresh']);
  assert.match(rowsOf((await home.call(['status'])).stdout)[4] ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
});

test('in the last 14 days, each command that reads the sign-in warns on stderr, and does its work', async () => {
  const now = Date.now();
  const expiresAt = now + 55 * minute;
  setTimes({ expires_at: expiresAt, obtained_at: now - 5 * minute, refresh_expires_at: now + 13.5 * day });
  for (const args of [
    ['token'],
    ['exec', '--', ...doNothing],
    ['status'],
    ['whoami'],
    ['api', '/me'],
    ['token', '--json'],
  ]) {
    const { status, stdout, stderr } = await home.call(args);
    assert.is(status, 0, stderr);
    assert.match(stderr, /^onedrive-token: .*\d{4}-\d\d-\d\d.* 13 days\..* Run: onedrive-token login\n$/);
    if (args[1] === '--json') JSON.parse(stdout);
  }
  setTimes({ expires_at: expiresAt, obtained_at: now - 5 * minute, refresh_expires_at: now + 14.5 * day });
  assert.is((await home.call(['token'])).stderr, '');
});

const date = String.raw`\d{4}-\d\d-\d\d`;

test('a sign-in that ended by the word of the provider ends status, whoami and --fail-if-within with 3; doctor says the same', async () => {
  const now = Date.now();
  for (const refused_at of [now - day, null]) {
    const refresh_expires_at = refused_at === null ? now - day : null;
    setTimes({ expires_at: now - minute, obtained_at: now - 61 * minute, refresh_expires_at, refused_at });
    for (const args of [['status'], ['whoami'], ['status', '--fail-if-within', '1m']]) {
      const { status, stdout, stderr } = await home.call(args);
      assert.is(status, 3, args.join(' '));
      const said = stdout + stderr;
      assert.equal(said.match(/Run: .*/gi), ['Run: onedrive-token login'], said);
    }
  }
  const { stdout: shown } = await home.call(['status']);
  assert.match(
    shown,
    new RegExp(
      `^No longer signed in as Someone .*\n(.+\n)*Access token +expired ${date} .{8}\n(.+\n)*Expired +${date} `,
    ),
  );
  const found = JSON.parse((await home.call(['status', '--json'])).stdout);
  assert.equal([found.signedIn, found.needsSignIn, found.renewByIsEstimate], [true, true, false]);
  const check = (await diagnose(home)).get('sign-in');
  assert.is(check?.ok, false);
  assert.match(`${check?.detail} | ${check?.remedy}`, new RegExp(`${date} \\| Run: onedrive-token login$`));
});

test('a sign-in that ended by the estimate of 90 days may work: status is 0, and warns of it; a refresh finds out', async () => {
  const now = Date.now();
  setTimes({ expires_at: now - 89 * day, obtained_at: now - 91 * day, refresh_expires_at: null });
  const { status, stdout, stderr } = await home.call(['status']);
  assert.is(status, 0);
  assert.match(stderr, new RegExp(`^onedrive-token: .*${date}.* run: onedrive-token token --refresh\n$`));
  assert.not.match(stdout, 'login');
  const found = JSON.parse((await home.call(['status', '--json'])).stdout);
  assert.equal([found.signedIn, found.needsSignIn, found.renewByIsEstimate], [true, undefined, true]);
  assert.match((await diagnose(home)).get('sign-in')?.remedy ?? '', 'run: onedrive-token token --refresh');
  assert.is((await home.call(['token'])).stderr, '');
  assert.is((await home.call(['status'])).stderr, '');
});

test('after the clock was set back, status does not count the minutes that a token of the future has left', async () => {
  const obtained = Date.now() + 100 * day;
  setTimes({ expires_at: obtained + 60 * minute, obtained_at: obtained, refresh_expires_at: null });
  const { status, stdout } = await home.call(['status']);
  assert.is(status, 0);
  assert.match(rowsOf(stdout)[2] ?? '', /^[^(]*\d{4}-[^(]*$/);
});

test('status --fail-if-within: 1 if the sign-in expires within that time, 0 if not, 3 without a sign-in', async () => {
  const now = Date.now();
  setTimes({ expires_at: now + 55 * minute, obtained_at: now, refresh_expires_at: now + 20 * day });
  assert.is((await home.call(['status', '--fail-if-within', '19d'])).status, 0);
  assert.is((await home.call(['status', '--fail-if-within', '21d'])).status, 1);
  assert.is((await home.call(['status', '--fail-if-within', '21d', '--json'])).status, 1);
  assert.is((await home.call(['status', '--fail-if-within', '21d', '--app', 'nobody'])).status, 3);
  assert.is((await home.call(['status', '--fail-if-within', 'soon'])).status, 2);
});

test('a key file that every user can read is refused, with the command that helps', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no mode bits');
  using other = new CliHome(home.env);
  const keyFile = join(other.folder, 'my key.txt');
  writeFileSync(keyFile, 'correct horse\n');
  chmodSync(keyFile, 0o644);
  const args = ['list', '--key-file', keyFile];
  const { status, stderr } = await other.call(args);
  assert.is(status, 2);
  assert.match(stderr, `Run: chmod 600 '${keyFile}'\n`);
  chmodSync(keyFile, 0o641);
  assert.is((await other.call(args)).status, 0);
  writeFileSync(keyFile, '\r\n');
  const empty = await other.call(args);
  assert.is(empty.status, 2);
  assert.match(empty.stderr, `${keyFile} is empty`);
});

test('api --upload - uploads what stdin has', async () => {
  const content = 'from another program\n'.repeat(50_000);
  const path = '/me/drive/root:/piped.txt';
  const { status, stderr } = await home.call(['api', path, '--upload', '-'], { stdin: content });
  assert.is(status, 0, stderr);
  assert.is((await home.call(['api', `${path}:/content`])).stdout, content);
});

test.run();
