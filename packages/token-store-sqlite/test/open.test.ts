import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
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
import { startProgram } from './start-program.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const asRoot = process.getuid?.() === 0;
const windows = process.platform === 'win32';

/** Every file of a directory with its content and mode. */
function snapshot(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(directory, name);
      const stat = lstatSync(path);
      const content = stat.isFile()
        ? readFileSync(path, 'hex')
        : stat.isSymbolicLink()
          ? readlinkSync(path)
          : 'directory';
      return `${name} ${stat.mode.toString(8)} ${content}`;
    });
}

function makeTokenDatabase(path: string): void {
  using store = openTokenStore(path);
  store.set('app', { refreshToken: 'old', accessToken: 'x'.repeat(20_000) });
}

function execute(path: string, sql: string): void {
  const database = new Database(path);
  database.exec(sql);
  database.close();
}

interface Refusal {
  code: TokenStoreError['code'];
  remedy: RegExp;
  make: (path: string) => void;
}

const refusals: Record<string, Refusal> = {
  'a directory in its place': {
    code: 'STORE_OPEN',
    remedy: /Choose the name of a file/,
    make: (path) => mkdirSync(path),
  },
  'a link to nowhere': {
    code: 'STORE_OPEN',
    remedy: /Remove the link/,
    make: (path) => symlinkSync('missing', path),
  },
  'a link to itself': { code: 'STORE_OPEN', remedy: /Check the path/, make: (path) => symlinkSync(path, path) },
  'random bytes': {
    code: 'STORE_CORRUPT',
    remedy: /restore it from a backup, or move it away/,
    make: (path) => writeFileSync(path, crypto.getRandomValues(new Uint8Array(10_000))),
  },
  'a few bytes of text': { code: 'STORE_CORRUPT', remedy: /move it away/, make: (path) => writeFileSync(path, '{}\n') },
  'half of a database': {
    code: 'STORE_CORRUPT',
    remedy: /move it away/,
    make: (path) => {
      makeTokenDatabase(path);
      truncateSync(path, statSync(path).size / 2);
    },
  },
  'the first bytes of a database': {
    code: 'STORE_CORRUPT',
    remedy: /move it away/,
    make: (path) => {
      makeTokenDatabase(path);
      truncateSync(path, 300);
    },
  },
  'a database of ours without its tables': {
    code: 'STORE_CORRUPT',
    remedy: /move it away/,
    make: (path) => {
      makeTokenDatabase(path);
      execute(path, 'DROP TABLE token_key');
    },
  },
  'a database of a newer version': {
    code: 'STORE_VERSION',
    remedy: /schema 2, this one knows 1\). Update it/,
    make: (path) => {
      makeTokenDatabase(path);
      execute(path, 'PRAGMA user_version = 2');
    },
  },
  'a token table of a newer version, without a mark of ours': {
    code: 'STORE_VERSION',
    remedy: /Update it/,
    make: (path) => execute(path, 'CREATE TABLE token (app_name TEXT, refresh_token TEXT); PRAGMA user_version = 9'),
  },
  "another program's database": {
    code: 'STORE_OPEN',
    remedy: /another program.*Choose another file/,
    make: (path) => execute(path, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('keep me')"),
  },
  "another program's empty database": {
    code: 'STORE_OPEN',
    remedy: /another program/,
    make: (path) => execute(path, 'PRAGMA application_id = 1; PRAGMA user_version = 3'),
  },
  "another program's token table": {
    code: 'STORE_OPEN',
    remedy: /another program/,
    make: (path) => execute(path, 'CREATE TABLE token (id INTEGER PRIMARY KEY, app_name TEXT, refresh_token TEXT)'),
  },
  "the original's table among those of another program": {
    code: 'STORE_OPEN',
    remedy: /another program/,
    make: (path) =>
      execute(
        path,
        'CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name)); CREATE TABLE notes (text)',
      ),
  },
  "another program's database with a write-ahead log": {
    code: 'STORE_OPEN',
    remedy: /another program/,
    make: (path) => execute(path, 'PRAGMA journal_mode = WAL; CREATE TABLE notes (text)'),
  },
};

for (const [what, { code, remedy, make }] of Object.entries(refusals)) {
  test(`${what} is ${code} and stays as it is`, () => {
    if (windows && what.startsWith('a link')) return;
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
      assert.is((error as TokenStoreError).path, path);
      assert.ok((error as TokenStoreError).message.startsWith(`${path}: `), (error as TokenStoreError).message);
      assert.match((error as TokenStoreError).message, remedy);
    }
    assert.equal(snapshot(directory), before);
  });
}

/** What an ordinary user meets: root may do everything, so these run in a process that is not root. */
const denials: Record<
  string,
  { calls: string[]; make: (directory: string) => string; expect: Refusal['code']; remedy: RegExp }
> = {
  'a file without permissions': {
    calls: ['get'],
    make: (directory) => readyDatabase(directory, { file: 0o000 }),
    expect: 'STORE_OPEN',
    remedy: /this user may read it/,
  },
  'a file that may only be read': {
    calls: ['get', 'set'],
    make: (directory) => readyDatabase(directory, { file: 0o400 }),
    expect: 'STORE_READONLY',
    remedy: /write the file and its directory/,
  },
  'a file in a directory that may only be read': {
    calls: ['get', 'set'],
    make: (directory) => readyDatabase(directory, { directory: 0o500 }),
    expect: 'STORE_READONLY',
    remedy: /write the file and its directory/,
  },
  'a lock in a directory that may only be read': {
    calls: ['get', 'exclusively'],
    make: (directory) => readyDatabase(directory, { directory: 0o500 }),
    expect: 'STORE_READONLY',
    remedy: /Let this user write it/,
  },
  'a new file in a directory that may only be read': {
    calls: [],
    make: (directory) => {
      chmodSync(directory, 0o500);
      return join(directory, 'tokens.db');
    },
    expect: 'STORE_READONLY',
    remedy: /Let this user write it/,
  },
  'a directory that cannot be made': {
    calls: [],
    make: (directory) => {
      chmodSync(directory, 0o500);
      return join(directory, 'new', 'deep', 'tokens.db');
    },
    expect: 'STORE_OPEN',
    remedy: /enter its directories/,
  },
  'a directory that may not be entered': {
    calls: [],
    make: (directory) => readyDatabase(directory, { directory: 0o600 }),
    expect: 'STORE_OPEN',
    remedy: /enter its directories/,
  },
};

function readyDatabase(directory: string, modes: { file?: number; directory?: number }): string {
  const path = join(directory, 'tokens.db');
  makeTokenDatabase(path);
  if (asRoot) chownSync(path, 65_534, 65_534);
  chmodSync(path, modes.file ?? 0o600);
  chmodSync(directory, modes.directory ?? 0o700);
  return path;
}

for (const [what, { calls, make, expect, remedy }] of Object.entries(denials)) {
  (windows ? test.skip : test)(`${what} is ${expect} and stays as it is`, async () => {
    const directory = temporaryDirectory();
    if (asRoot) chownSync(directory, 65_534, 65_534);
    const path = make(directory);
    const before = asRoot ? snapshot(directory) : [];
    const { output } = await startProgram('attempt', [path, ...calls]).ended;
    const { code, message } = JSON.parse(output) as { code: string; message: string };
    assert.is(code, expect, output);
    assert.ok(message.includes(path), message);
    assert.match(message, remedy);
    if (asRoot) assert.equal(snapshot(directory), before);
    else chmodSync(directory, 0o700);
  });
}

(asRoot ? test : test.skip)('a file of another user that others can read is STORE_OPEN', async () => {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  const path = join(directory, 'tokens.db');
  makeTokenDatabase(path);
  chmodSync(path, 0o666);
  const { output } = await startProgram('attempt', [path, 'get']).ended;
  assert.match(output, /"code":"STORE_OPEN".*belongs to user 0/);
  assert.is(statSync(path).mode & 0o777, 0o666);
});
if (!asRoot) console.log('skipped: another user needs root to set up');

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

test('relative paths, symbolic links and odd names lead to the one file', () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'a %20 ?#é 漢.db');
  makeTokenDatabase(path);
  symlinkSync(path, join(directory, 'link'));
  for (const other of [relative(process.cwd(), path), join(directory, 'link')]) {
    using store = openTokenStore(other);
    assert.is(store.path, path);
    assert.is(store.get('app')?.refreshToken, 'old');
  }
});

test('a file that is replaced while it is open is STORE_OPEN at the next write', () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  using store = openTokenStore(path);
  store.set('app', { refreshToken: 'old' });
  const other = join(temporaryDirectory(), 'tokens.db');
  makeTokenDatabase(other);
  const bytes = readFileSync(other);
  // A new file under the old name, as an editor, a backup or `rm` and a second program leave it.
  writeFileSync(`${path}.new`, bytes);
  renameSync(`${path}.new`, path);
  assert.throws(
    () => store.set('app', { refreshToken: 'new' }),
    (error: TokenStoreError) => error.code === 'STORE_OPEN' && /Open it again/.test(error.message),
  );
  assert.ok(readFileSync(path).equals(bytes), 'the file was changed');
});

test('a damaged page is STORE_CORRUPT where it is met, and the file is left as it is', () => {
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

test('a file that somebody switched to a write-ahead log is switched back', () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  makeTokenDatabase(path);
  execute(path, 'PRAGMA journal_mode = WAL');
  makeTokenDatabase(path);
  assert.equal(readdirSync(join(path, '..')), ['tokens.db']);
  assert.is(readFileSync(path).readUInt16BE(18), 0x0101, 'the header does not say rollback journal');
});

test.run();
