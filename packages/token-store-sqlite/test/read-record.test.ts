import { chmodSync, chownSync, copyFileSync, linkSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { isRoot, otherUser, temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, type TokenRecord } from '../src/index.ts';
import { readRecord } from '../src/read-record.ts';
import { assertRead } from './read-as.ts';
import { makeCutDatabase, makeTokenDatabase, snapshot } from './snapshot.ts';
import { startProgram } from './start-program.ts';

const whole: Required<TokenRecord> = {
  refreshToken: 'refresh',
  accessToken: 'access',
  expiresAt: 1_800_000_000_123,
  obtainedAt: 1_800_000_000_000.5,
  clientId: 'client',
  authority: 'https://login.example.org/consumers',
  scope: 'Files.ReadWrite.All offline_access',
  idToken: 'id',
  refreshExpiresAt: 1_800_086_400_000,
  signedInAt: 1_700_000_000_000,
  refusedAt: 1_800_000_100_000,
  refusedBecause: 'invalid_grant',
  data: { issuer: 'https://login.example.org', ['__proto__']: '' },
};

/** The path of a database in a directory of its own, with this record. */
function store(name: string, record: TokenRecord): string {
  const path = join(temporaryDirectory(), 'tokens.db');
  using opened = openTokenStore(path);
  opened.set(name, record);
  return path;
}

function execute(path: string, sql: string): void {
  const database = new Database(path);
  database.exec(sql);
  database.close();
}

const left: Record<string, (path: string) => void> = {
  'a missing file': () => {},
  'an empty file': (path) => writeFileSync(path, '', { mode: 0o600 }),
  'a directory': (path) => mkdirSync(path),
  'random bytes': (path) => writeFileSync(path, crypto.getRandomValues(new Uint8Array(10_000)), { mode: 0o600 }),
  'a name that is not stored': (path) => void openTokenStore(path).close(),
  'a file of the Python class': (path) => {
    execute(
      path,
      "CREATE TABLE token (app_name TEXT PRIMARY KEY, refresh_token TEXT); INSERT INTO token VALUES ('app', 'r')",
    );
    chmodSync(path, 0o600);
  },
  'a newer version': (path) => {
    makeTokenDatabase(path);
    execute(path, 'PRAGMA user_version = 2');
  },
  "another program's file": (path) => {
    makeTokenDatabase(path);
    execute(path, 'PRAGMA application_id = 1');
  },
  'a file without its last byte': makeCutDatabase,
  'an encrypted file': (path) => {
    using opened = openTokenStore(path, { key: new Uint8Array(32) });
    opened.set('app', whole);
  },
  'a record that another program has changed': (path) => {
    makeTokenDatabase(path);
    execute(path, "UPDATE token SET data = '{'");
  },
  'a file that others can read': (path) => {
    makeTokenDatabase(path);
    chmodSync(path, 0o640);
  },
  'a file that has another name, and may have a journal of that name': (path) => {
    makeTokenDatabase(path);
    linkSync(path, `${path}-other`);
  },
  'a file with a log that another user may have planted': (path) => {
    makeTokenDatabase(path);
    writeFileSync(`${path}-wal`, '');
  },
  // What root could read, another user may have planted.
  ...(isRoot && {
    'a file of another user': (path: string) => {
      makeTokenDatabase(path);
      chownSync(path, otherUser, otherUser);
    },
  }),
};

const newest = process.versions.node;
/** Reads as Node does that is of this version. */
const readAs =
  (version: string): typeof readRecord =>
  (path, name) => {
    Object.defineProperty(process.versions, 'node', { value: version });
    try {
      return readRecord(path, name);
    } finally {
      Object.defineProperty(process.versions, 'node', { value: newest });
    }
  };
const engines = { "Node's SQLite": readAs(newest), 'better-sqlite3': readAs('22.19.0') };

for (const [engine, read] of Object.entries(engines)) {
  for (const name of ['app', '', "it's", 'Größe 👋', 'a\0b']) {
    test(`${engine}: the record of ${JSON.stringify(name)} is read as the store reads it`, () => {
      assert.equal(read(store(name, whole), name), whole);
      for (const record of [{ refreshToken: 'r' }, { accessToken: 'a', data: {} }])
        assert.equal(read(store(name, record), name), record);
    });
  }

  test(`${engine}: reading changes nothing and leaves nothing behind`, () => {
    const path = store('app', whole);
    const before = snapshot(join(path, '..'));
    read(path, 'app');
    assert.equal(snapshot(join(path, '..')), before);
  });

  for (const [what, make] of Object.entries(left)) {
    test(`${engine}: ${what} is left to the store, and not changed`, () => {
      if (process.platform === 'win32' && what === 'a file that others can read')
        return console.log('skipped: Windows has no mode bits');
      const directory = temporaryDirectory();
      make(join(directory, 'tokens.db'));
      const before = snapshot(directory);
      assert.is(read(join(directory, 'tokens.db'), 'app'), undefined);
      assert.equal(snapshot(directory), before);
    });
  }

  test(`${engine}: what a crash left half written is not read`, () => {
    const path = store('app', whole);
    const crashed = join(path, '../crashed.db');
    const writer = new Database(path);
    // Pages that do not fit in memory are written before the commit, and there is no commit.
    writer.exec('PRAGMA cache_size = 1; BEGIN');
    writer.exec("UPDATE token SET access_token = 'half'; CREATE TABLE bulk AS SELECT randomblob(500000)");
    for (const name of ['', '-journal']) copyFileSync(path + name, crashed + name);
    writer.exec('ROLLBACK');
    writer.close();
    assert.is(read(crashed, 'app'), undefined);
    assert.equal(openTokenStore(crashed).get('app'), whole);
    assert.equal(read(crashed, 'app'), whole);
  });
}

test('on Windows, which has no mode bits, what Node says of them means nothing', () => {
  const path = store('app', whole);
  chmodSync(path, 0o666);
  const { platform } = process;
  const { mode } = statSync(path);
  Object.defineProperty(process, 'platform', { value: 'win32' });
  try {
    assert.equal(readRecord(path, 'app'), whole);
    openTokenStore(path).close();
  } finally {
    Object.defineProperty(process, 'platform', { value: platform });
  }
  assert.is(statSync(path).mode, mode);
});

test('a file that another process is writing is left to the store, at once', async () => {
  const path = store('app', whole);
  const writer = startProgram('block', [path, 60_000]);
  await writer.line();
  const started = performance.now();
  for (const [engine, read] of Object.entries(engines)) assert.is(read(path, 'app'), undefined, engine);
  assert.ok(performance.now() - started < 2_000);
  writer.kill();
  await writer.ended;
  for (const [engine, read] of Object.entries(engines)) assert.equal(read(path, 'app'), whole, engine);
});

test('a Node whose SQLite is stable reads with it, not with better-sqlite3, and prints nothing', () =>
  assertRead([newest, '24.15.0', '25.7.0', '26.0.0'], 'node:sqlite', store('app', whole)));

test('a Node that would print a warning for its SQLite reads with better-sqlite3', () =>
  assertRead(['22.19.0', '24.14.1', '25.6.1'], 'better-sqlite3', store('app', whole)));

test.run();
