import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  DoesNotApply,
  fileChecks,
  heldInPostgres,
  judgePooler,
  judgeRights,
  networkChecks,
  postgresChecks,
} from '../src/commands/doctor/checks.ts';
import { readSettings } from '../src/settings/settings.ts';
import { Failure } from '../src/terminal/failure.ts';

// What a server says is tested with one, in test-long/, and what a file is like with files, in other tests of `doctor`.
const good = {
  isReadOnly: false,
  tables: 'ours',
  missingRights: [],
  locks: [],
  serverVersion: '17.6',
  schema: 'public',
} as const;

for (const [what, found, says] of [
  ['a standby', { isReadOnly: true }, /--db$/],
  [
    'no tables, and no right to make them',
    { tables: 'missing', missingRights: ['CREATE ON SCHEMA x'] },
    /CREATE ON SCHEMA x.* login .*GRANT/,
  ],
  ['one right that is missing', { missingRights: ['DELETE ON x'] }, /GRANT DELETE ON x TO /],
  [
    'two rights that are missing',
    { missingRights: ['INSERT ON x', 'UPDATE ON x'] },
    /GRANT INSERT ON x TO .*; GRANT UPDATE ON x TO /,
  ],
] as const) {
  test(`${what} is wrong, and what to do is said`, () => {
    assert.throws(
      () => judgeRights({ ...good, ...found }),
      (error: unknown) => error instanceof Failure && says.test(error.message),
    );
  });
}

test('tables that the user may write are right, and tables that the first login makes', () => {
  assert.is.not(judgeRights(good), judgeRights({ ...good, tables: 'missing' }));
});

test('a pooler that is away for longer than the server is wrong', () => {
  for (const pooler of [undefined, { serverLoginRetry: undefined }])
    assert.throws(
      () => judgePooler({ ...good, pooler }),
      (error: unknown) => error instanceof DoesNotApply,
    );
  assert.match(judgePooler({ ...good, pooler: { serverLoginRetry: 1_000 } }), / 1 s$/);
  assert.throws(
    () => judgePooler({ ...good, pooler: { serverLoginRetry: 15_000 } }),
    / 15 s\b.*server_login_retry = 1 /,
  );
});

test('a lock is named by what it is for, and who holds it', () => {
  const locks = ['ada', 'sign-in', 'sign-in\u001fbob'].map((name) => ({ name, holder: 'process 7 of host' }));
  const problems = heldInPostgres({ ...good, locks }).map(({ problem }) => problem);
  for (const what of ['a refresh of ada', 'a refresh of sign-in', 'a sign-in of bob'])
    assert.is(problems.shift(), `process 7 of host holds the lock of ${what}`);
});

const settings = readSettings({ db: 'postgresql://ada@db.example/tokens' }, process.env);

/** What each check says, by its name. */
async function sayings(checks: ReturnType<typeof fileChecks>): Promise<Record<string, string>> {
  const said = checks.map(async ({ name, run }) => {
    const says = await Promise.resolve()
      .then(run)
      .catch((error: unknown) => (error instanceof DoesNotApply ? error.message : `${error}`));
    return [name, says] as const;
  });
  return Object.fromEntries(await Promise.all(said));
}

test('of PostgreSQL, each check is of one look, and says what it found', async () => {
  let looks = 0;
  const look = async () => {
    looks++;
    return { ...good, hasKey: true };
  };
  const said = await sayings(postgresChecks(settings, look));
  assert.is(said.database, 'PostgreSQL 17.6 at postgresql://ada@db.example/tokens, encrypted');
  assert.is(said['database-rights'], 'this user has every right it needs');
  assert.match(said.pooler ?? '', 'none');
  assert.is(said.lock, 'no process holds one');
  assert.is(looks, 2, 'and one for the locks');
  const plain = await sayings(postgresChecks(settings, async () => ({ ...good, hasKey: false })));
  assert.match(plain.database ?? '', /, not encrypted$/);
  const needs = postgresChecks(settings, look).map((check) => [check.name, check.needs]);
  const ofDatabase = ['database'];
  const all = [
    ['database-rights', ofDatabase],
    ['pooler', ofDatabase],
    ['lock', ['database', 'database-rights']],
  ];
  assert.equal(needs, [['database', undefined], ...all]);
});

const path = '/data/tokens.db';
const file = {
  path,
  state: 'ours',
  error: undefined,
  isEncrypted: false,
  size: 1,
  access: undefined,
  fileSystem: { type: 'ext4', isNetwork: false, free: 5e6 },
  locks: [],
} as const;

for (const [fileSystem, says] of [
  [{ type: 'ext4', isNetwork: false, free: 1e6 }, /^ext4, 1 MB free$/],
  [{ type: 'ext4', isNetwork: false, free: 999_999 }, /full \(999999 bytes left\)/],
  [{ type: 'nfs', isNetwork: true, free: 5e6 }, /tokens\.db is on a network file system \(nfs\).*--db/],
  [undefined, /full/],
] as const) {
  test(`a file system that is ${JSON.stringify(fileSystem)}`, async () => {
    const said = await sayings(fileChecks(settings, async () => ({ ...file, fileSystem }) as never));
    assert.match(said['file-system'] ?? '', says);
  });
}

test('a lock is wrong if the same process has it for long; the locks of others that follow are not', async () => {
  const lock = { kind: 'name', name: 'ada', pid: 7, program: 'node', isStopped: false, since: 0 };
  const judge = async (...looks: object[][]): Promise<string> => {
    const look = async () => ({ ...file, locks: looks.shift() }) as never;
    const check = fileChecks(settings, look).find(({ name }) => name === 'lock');
    return await Promise.resolve(check?.run() ?? '').catch((error: unknown) => `${error}`);
  };
  const startedAt = performance.now();
  const [kept, ended, followed, stopped, unknown, none] = await Promise.all([
    judge([{ ...lock, pid: 6 }, lock], [lock, { ...lock, pid: 8 }]),
    judge([lock], []),
    judge([lock], [{ ...lock, pid: 8 }]),
    judge([{ ...lock, isStopped: true }], [{ ...lock, isStopped: true }]),
    judge([{ ...lock, program: undefined, name: undefined }], [{ ...lock, program: undefined, name: undefined }]),
    judge([]),
  ]);
  assert.match(kept, /process 7 \(node\) holds the lock of a refresh of ada\. Wait until it is done.* kill 7$/);
  for (const said of [ended, followed]) assert.is(said, 'no process holds one for long');
  assert.match(stopped, /process 7 \(node, stopped\).* kill -CONT 7\. .* kill -KILL 7$/);
  assert.match(unknown, /process 7 \(of another namespace\) holds the lock of a refresh of an app name/);
  assert.is(none, 'no process holds one');
  assert.ok(performance.now() - startedAt > 2900, 'a refresh may take as long');
});

test('what cannot be written is named, with what to do about it', async () => {
  const user = process.getuid?.() ?? 0;
  const access = { path: import.meta.dirname, mode: 0o600, owner: user, denied: undefined };
  for (const [fileDenied, folderDenied, says] of [
    ['EACCES', undefined, /cannot be written \(EACCES\)\. Run: chmod u\+rw /],
    [undefined, 'EACCES', /cannot be written \(EACCES\)\. Keep the database in a folder that only you can write/],
    ['EROFS', undefined, /cannot be written \(EROFS\)\. The file system is read-only/],
  ] as const) {
    // Of a folder that is right, as the root of every system is.
    const directory = { ...access, path: '/', denied: folderDenied };
    const found = { ...file, access: { file: { ...access, denied: fileDenied }, directory } };
    assert.match((await sayings(fileChecks(settings, async () => found as never)))['database-mode'] ?? '', says);
  }
  // The data folder of macOS has a space in its path.
  const spaced = { ...access, path: '/Application Support/x.db' };
  for (const [changes, says] of [
    [{ mode: 0o644 }, /Run: chmod go= '\/Application Support\/x\.db'$/],
    [{ denied: 'EACCES' }, /Run: chmod u\+rw '\/Application Support\/x\.db'$/],
    [{ owner: user + 1 }, /chown \d+ '\/Application Support\/x\.db'$/],
  ] as const) {
    if (process.platform === 'win32') break;
    const found = { ...file, access: { file: { ...spaced, ...changes }, directory: { ...access, path: '/' } } };
    assert.match((await sayings(fileChecks(settings, async () => found as never)))['database-mode'] ?? '', says);
  }
  const { getuid } = process;
  Object.assign(process, { getuid: undefined });
  const shared = { ...file, access: { file: { ...access, mode: 0o666 }, directory: access } };
  const said = await sayings(fileChecks(settings, async () => shared as never));
  Object.assign(process, { getuid });
  assert.match(said['database-mode'] ?? '', /^Windows has no file modes/);
});

test('a server that does not answer in time is named, with the time it had', async () => {
  const { timeout } = AbortSignal;
  AbortSignal.timeout = () => AbortSignal.abort();
  const checks = networkChecks(
    async () => ({ authority: 'https://login.microsoftonline.com/consumers', clientId: 'x' }),
    settings,
    () => Promise.reject(new Error('aborted')),
  );
  const said = await sayings(checks);
  AbortSignal.timeout = timeout;
  assert.match(said.authority ?? '', /microsoftonline\.com did not answer within 10 s\. .*HTTPS_PROXY/);
  assert.match(said['client-id'] ?? '', '"x" is no client id', 'which needs no answer');
});

test.run();
