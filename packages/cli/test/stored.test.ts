import fs, { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CliHome, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { describeAccount } from '../src/commands/status.ts';
import { rowsOf } from './fixtures/rows-of.ts';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

/** Copies the record of the default app name to other names, as if each had signed in. */
function copyRecord(...names: string[]): void {
  const database = new DatabaseSync(home.db);
  database.exec("CREATE TEMP TABLE copy AS SELECT * FROM token WHERE app_name = 'onedrive-token'");
  for (const name of names) {
    database.prepare('UPDATE copy SET app_name = ?').run(name);
    database.exec('INSERT INTO token SELECT * FROM copy');
  }
  database.close();
}

test('status shows who is signed in, the scopes and the expiry, and sends no request', async () => {
  const before = authority.requests.length;
  const { status, stdout, stderr } = await home.call(['status']);
  assert.is(status, 0);
  assert.is(stderr, '');
  assert.match(stdout, 'Someone (someone@example.com)');
  const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
  const rows = ['onedrive-token', 'Files.ReadWrite.All', `.* ${time} \\(59 min\\)`, time, time, home.db];
  assert.match(rowsOf(stdout).join('\n'), new RegExp(`^${rows.join('\n')}$`));
  assert.is(authority.requests.length, before);
});

test('who is signed in is said with what is known of the account', () => {
  for (const [account, says] of [
    [{ name: 'Ada', username: 'ada@example.com' }, ' as Ada (ada@example.com)'],
    [{ name: 'Ada' }, ' as Ada'],
    [{ username: 'ada@example.com' }, ' as ada@example.com'],
    [{ id: '1' }, ''],
    [undefined, ''],
  ] as const) {
    assert.is(describeAccount({ signedIn: true, appName: '', scopes: [], ...(account && { account }) }), says);
  }
});

test('status tells the last seconds of a token as seconds', async () => {
  copyRecord('nearly expired');
  const database = new DatabaseSync(home.db);
  const setExpiry = "UPDATE token SET expires_at = ? WHERE app_name = 'nearly expired'";
  database.prepare(setExpiry).run(Date.now() + 59_000);
  const { stdout } = await home.call(['status', '--app', 'nearly expired']);
  assert.match(stdout, / \(\d+ s\)\n/);
  database.prepare(setExpiry).run(Date.now() - 1000);
  const { stdout: expired } = await home.call(['status', '--app', 'nearly expired']);
  assert.match(
    expired,
    /^Signed in as Someone .*\n(.+\n)*Access token +expired .*; the next command refreshes it\n(.+\n)*Sign in by /,
  );
  database.exec("DELETE FROM token WHERE app_name = 'nearly expired'");
  database.close();
});

test('status --json has the documented fields', async () => {
  const { status, stdout } = await home.call(['status', '--json']);
  assert.is(status, 0);
  const { accessTokenExpiresAt, refreshedAt, renewBy, renewByIsEstimate, account, ...rest } = JSON.parse(stdout);
  assert.equal(rest, { signedIn: true, appName: 'onedrive-token', scopes: ['Files.ReadWrite.All'] });
  assert.equal(Object.keys(account).sort(), ['id', 'name', 'username']);
  assert.ok(Math.abs(refreshedAt - Date.now()) < 60_000);
  assert.is(accessTokenExpiresAt - refreshedAt, 3_600_000);
  assert.equal([renewBy - refreshedAt, renewByIsEstimate], [90 * 86_400_000, true]);
});

test('status without a sign-in ends with 3 and one line that says what to run', async () => {
  const args = ['--app', 'nobody', '--client-id', authority.clientId];
  const { status, stdout, stderr } = await home.call(['status', ...args]);
  assert.is(status, 3);
  assert.is(stderr, '');
  assert.match(stdout, /"nobody" .*tokens\.db.* Run: onedrive-token login --app nobody .*\n$/);
  assert.equal(JSON.parse((await home.call(['status', '--json', ...args])).stdout), {
    signedIn: false,
    appName: 'nobody',
    scopes: [],
  });
});

test('list prints the app names sorted, one per line, or as a JSON array', async () => {
  copyRecord('zebra', 'a b', 'ümläut');
  const { status, stdout, stderr } = await home.call(['list']);
  assert.is(status, 0);
  assert.is(stderr, '');
  assert.is(stdout, 'a b\nonedrive-token\nzebra\nümläut\n');
  assert.equal(JSON.parse((await home.call(['list', '--json'])).stdout), ['a b', 'onedrive-token', 'zebra', 'ümläut']);
});

test('list puts a name with control characters in quotes, on one line', async () => {
  using other = new CliHome(home.env);
  await other.login(['--app', 'a\nonedrive-token', '--client-id', authority.clientId]);
  assert.is((await other.call(['list'])).stdout, '"a\\nonedrive-token"\n');
});

test('common options may stand before the command, and those after it win', async () => {
  assert.equal(JSON.parse((await home.call(['--json', 'list'])).stdout).length, 4);
  assert.is((await home.call(['--app', 'nobody', 'status', '--app', 'onedrive-token'])).status, 0);
  const { status, stderr } = await home.call(['--app', 'status', '--header']);
  assert.is(status, 3);
  assert.match(stderr, 'app name "status"');
});

test('an app name cannot move the cursor', async () => {
  copyRecord('red\u001b[31m\u009b2J\u202e');
  const { stdout } = await home.call(['list']);
  assert.match(stdout, '"red\\u001b[31m\u{fffd}2J\u{fffd}"\n');
  await home.call(['logout', '--app', 'red\u001b[31m\u009b2J\u202e']);
});

test('logout deletes the tokens of one app name, whatever its client id, and of no other', async () => {
  copyRecord('other');
  const { status, stdout, stderr } = await home.call(['logout', '--app', 'other', '--client-id', 'x']);
  assert.is(status, 0);
  assert.is(stdout, '');
  assert.match(stderr, new RegExp(`\\bother\\b.* --client-id ${authority.clientId}\n$`));
  assert.not.match((await home.call(['list'])).stdout, 'other');
  assert.is((await home.call([])).status, 0);
});

test('logout without a sign-in ends with 0', async () => {
  const { status, stderr } = await home.call(['logout', '--app', 'nobody']);
  assert.is(status, 0);
  assert.match(stderr, /^.+\n$/);
  assert.is((await home.call(['logout', '--app', 'nobody', '--json'])).stdout, '[]\n');
});

test('a logout that fails says what was deleted; one that cannot forget uploads hides no earlier error', async () => {
  const unfinished = `${JSON.stringify([realpathSync(home.db), 'a'])}["someone","x"]`;
  writeFileSync(join(dirname(home.db), 'uploads.json'), JSON.stringify({ [unfinished]: {} }));
  copyRecord('a');
  using database = new DatabaseSync(home.db);
  const kept = "WHEN old.app_name <> 'a' BEGIN SELECT RAISE(ABORT, 'no'); END";
  database.exec(`CREATE TRIGGER kept BEFORE DELETE ON token ${kept}`);
  const { renameSync } = fs;
  fs.renameSync = () => {
    throw new Error('no writing');
  };
  try {
    const all = await home.call(['logout', '--all']);
    assert.is(all.status, 7);
    assert.not.match(all.stderr, 'uploads.json');
    assert.match(all.stderr, `Signed out of a. The next login needs --client-id ${authority.clientId}\n`);
    database.exec('DROP TRIGGER kept');
    copyRecord('a');
    const one = await home.call(['logout', '--app', 'a', '--json']);
    assert.equal([one.status, one.stdout], [1, '["a"]\n']);
    assert.match(
      one.stderr,
      /: the tokens were deleted, but the addresses of unfinished uploads were not: cannot write /,
    );
    const again = await home.call(['logout', '--app', 'a']);
    assert.match(again.stderr, /^Not signed in.*\nonedrive-token: cannot write /);
  } finally {
    fs.renameSync = renameSync;
  }
});

test('logout --all-clients without --all is wrong usage, and deletes nothing', async () => {
  const { status, stderr } = await home.call(['logout', '--all-clients']);
  assert.is(status, 2);
  assert.match(stderr, /--all-clients.* --all\b/);
});

test('logout --all deletes the tokens of every app name', async () => {
  const { status, stdout } = await home.call(['logout', '--all', '--json']);
  assert.is(status, 0);
  assert.equal(JSON.parse(stdout), ['a b', 'onedrive-token', 'zebra', 'ümläut']);
  assert.is((await home.call(['list'])).stdout, '');
  assert.is((await home.call([])).status, 3);
});

test('list and logout without a database find nothing and create no file', async () => {
  using other = new CliHome();
  for (const command of ['list', 'logout']) assert.is((await other.call([command])).status, 0);
  assert.is((await other.call(['list', '--json'])).stdout, '[]\n');
  assert.not(existsSync(other.db));
});

test.run();
