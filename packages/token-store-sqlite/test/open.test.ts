import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, TokenStoreError } from '../src/index.ts';
import { makeCutDatabase, makeTokenDatabase, snapshot } from './snapshot.ts';
import { makeLink, temporaryDirectory } from './temporary-directory.ts';

const windows = process.platform === 'win32';

function execute(path: string, sql: string): void {
  const database = new Database(path);
  database.exec(sql);
  database.close();
}

interface Refusal {
  code: TokenStoreError['code'];
  reason: string | undefined;
  remedy: RegExp;
  make: (path: string) => void;
}

const refusals: Record<string, Refusal> = {
  'a directory in its place': {
    code: 'STORE_OPEN',
    reason: 'not-a-file',
    remedy: /Choose the name of a file/,
    make: (path) => mkdirSync(path),
  },
  'a link to a missing file': {
    code: 'STORE_OPEN',
    reason: 'not-a-file',
    remedy: /Remove the link/,
    make: (path) => symlinkSync('missing', path),
  },
  'a link to itself': {
    code: 'STORE_OPEN',
    reason: 'not-a-file',
    remedy: /Check that it is a file/,
    make: (path) => symlinkSync(path, path),
  },
  'random bytes': {
    code: 'STORE_CORRUPT',
    reason: 'damaged',
    remedy: /Restore it from a backup, or move it away/,
    make: (path) => writeFileSync(path, crypto.getRandomValues(new Uint8Array(10_000))),
  },
  'one byte': {
    code: 'STORE_CORRUPT',
    reason: 'damaged',
    remedy: /move it away/,
    make: (path) => writeFileSync(path, '\n'),
  },
  'a few bytes of text': {
    code: 'STORE_CORRUPT',
    reason: 'damaged',
    remedy: /move it away/,
    make: (path) => writeFileSync(path, '{}\n'),
  },
  'half of a database': {
    code: 'STORE_CORRUPT',
    reason: 'damaged',
    remedy: /move it away/,
    make: (path) => {
      makeTokenDatabase(path);
      truncateSync(path, statSync(path).size / 2);
    },
  },
  'a database without its last byte': {
    code: 'STORE_CORRUPT',
    reason: 'damaged',
    remedy: /move it away/,
    make: makeCutDatabase,
  },
  'the first bytes of a database': {
    code: 'STORE_CORRUPT',
    reason: 'damaged',
    remedy: /move it away/,
    make: (path) => {
      makeTokenDatabase(path);
      truncateSync(path, 300);
    },
  },
  'a database of ours without its tables': {
    code: 'STORE_CORRUPT',
    reason: 'damaged',
    remedy: /move it away/,
    make: (path) => {
      makeTokenDatabase(path);
      execute(path, 'DROP TABLE token_key');
    },
  },
  'a database of a newer version': {
    code: 'STORE_VERSION',
    reason: undefined,
    remedy: /schema 2, this one knows 1\). Update it/,
    make: (path) => {
      makeTokenDatabase(path);
      execute(path, 'PRAGMA user_version = 2');
    },
  },
  'a token table of a newer version, without our application id': {
    code: 'STORE_VERSION',
    reason: undefined,
    remedy: /Update it/,
    make: (path) => execute(path, 'CREATE TABLE token (app_name TEXT, refresh_token TEXT); PRAGMA user_version = 9'),
  },
  "another program's database": {
    code: 'STORE_OPEN',
    reason: 'foreign',
    remedy: /another program.*Choose another file/,
    make: (path) => execute(path, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('keep me')"),
  },
  "another program's empty database": {
    code: 'STORE_OPEN',
    reason: 'foreign',
    remedy: /another program/,
    make: (path) => execute(path, 'PRAGMA application_id = 1; PRAGMA user_version = 3'),
  },
  "another program's token table": {
    code: 'STORE_OPEN',
    reason: 'foreign',
    remedy: /another program/,
    make: (path) => execute(path, 'CREATE TABLE token (id INTEGER PRIMARY KEY, app_name TEXT, refresh_token TEXT)'),
  },
  "a table like the original's, but without its primary key": {
    code: 'STORE_OPEN',
    reason: 'foreign',
    remedy: /another program/,
    make: (path) => execute(path, 'CREATE TABLE token (app_name TEXT, refresh_token TEXT)'),
  },
  "the original's table among those of another program": {
    code: 'STORE_OPEN',
    reason: 'foreign',
    remedy: /another program/,
    make: (path) =>
      execute(
        path,
        'CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name)); CREATE TABLE notes (text)',
      ),
  },
  "another program's database with a write-ahead log": {
    code: 'STORE_OPEN',
    reason: 'foreign',
    remedy: /another program/,
    make: (path) => execute(path, 'PRAGMA journal_mode = WAL; CREATE TABLE notes (text)'),
  },
};

for (const [what, { code, reason, remedy, make }] of Object.entries(refusals)) {
  test(`${what} is ${code} and stays as it is`, () => {
    if (windows && what.startsWith('a link')) return console.log('skipped: on Windows, few users may make links');
    const directory = temporaryDirectory();
    const path = join(directory, 'tokens.db');
    make(path);
    if (!lstatSync(path).isSymbolicLink()) chmodSync(path, 0o755);
    const before = snapshot(directory);
    for (const open of [() => openTokenStore(path), () => openTokenStore(path, { key: new Uint8Array(32) })]) {
      let error: unknown;
      try {
        open().close();
      } catch (caught) {
        error = caught;
      }
      assert.instance(error, TokenStoreError);
      assert.is((error as TokenStoreError).code, code);
      assert.is((error as TokenStoreError).reason, reason);
      assert.is((error as TokenStoreError).path, path);
      assert.ok((error as TokenStoreError).message.startsWith(`${path}: `), (error as TokenStoreError).message);
      assert.match((error as TokenStoreError).message, remedy);
      assert.ok((error as TokenStoreError).remedy, 'it says what to do');
    }
    assert.equal(snapshot(directory), before);
  });
}

test('a file under a file is STORE_OPEN', () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'file'), '');
  assert.throws(
    () => openTokenStore(join(directory, 'file', 'tokens.db')),
    (error: TokenStoreError) => error.code === 'STORE_OPEN',
  );
});

test('an empty file becomes a database', () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  writeFileSync(path, '');
  makeTokenDatabase(path);
  using store = openTokenStore(path);
  assert.is(store.get('app')?.refreshToken, 'old');
});

test('relative paths, symbolic links and odd names lead to the same file', () => {
  const directory = temporaryDirectory();
  // Windows allows no `?` in a name.
  const path = join(directory, windows ? 'a %20 #é 漢.db' : 'a %20 ?#é 漢.db');
  makeTokenDatabase(path);
  const names = [relative(process.cwd(), path)];
  if (makeLink(path, join(directory, 'link'))) names.push(join(directory, 'link'));
  for (const other of names) {
    using store = openTokenStore(other);
    assert.is(store.path, path);
    assert.is(store.get('app')?.refreshToken, 'old');
  }
});

test('a file that is replaced while it is open is STORE_OPEN at the next write', () => {
  if (windows) return console.log('skipped: Windows lets no program replace a file that SQLite has open');
  const path = join(temporaryDirectory(), 'tokens.db');
  using store = openTokenStore(path);
  store.set('app', { refreshToken: 'old' });
  const other = join(temporaryDirectory(), 'tokens.db');
  makeTokenDatabase(other);
  const bytes = readFileSync(other);
  // A new file under the old name: an editor leaves one, a backup, or `rm` and a second program.
  writeFileSync(`${path}.new`, bytes);
  renameSync(`${path}.new`, path);
  assert.throws(
    () => store.set('app', { refreshToken: 'new' }),
    (error: TokenStoreError) =>
      error.code === 'STORE_OPEN' && error.reason === 'moved' && /Open it again/.test(error.message),
  );
  assert.ok(readFileSync(path).equals(bytes), 'the file was changed');
});

test('a damaged page is STORE_CORRUPT when it is read, and the file is left as it is', () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  makeTokenDatabase(path);
  const bytes = readFileSync(path);
  bytes.fill(0xff, 4096, 4096 * 3);
  writeFileSync(path, bytes);
  using store = openTokenStore(path);
  for (const act of [() => store.get('app'), () => store.set('app', { refreshToken: 'new' })]) {
    assert.throws(act, (error: TokenStoreError) => error.code === 'STORE_CORRUPT' && error.message.startsWith(path));
  }
  assert.ok(readFileSync(path).equals(bytes), 'the file was changed');
});

test('a file that another program switched to a write-ahead log is switched back', () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  makeTokenDatabase(path);
  execute(path, 'PRAGMA journal_mode = WAL');
  makeTokenDatabase(path);
  assert.equal(readdirSync(join(path, '..')), ['tokens.db']);
  assert.is(readFileSync(path).readUInt16BE(18), 0x0101, 'the header does not name the rollback journal');
});

test.run();
