import fs, {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { makeLink, temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, TokenStoreError } from '../src/index.ts';
import { holder, isWaitedFor, neverRuns } from './lock-holders.ts';
import { bare, create } from './original-class.ts';
import { makeCutDatabase, makeTokenDatabase, snapshot } from './snapshot.ts';

const windows = process.platform === 'win32';

const execute = (path: string, sql: string): void => bare(path, (database) => void database.exec(sql));

type Cases = Record<string, (path: string) => void>;
const refusals: [code: TokenStoreError['code'], reason: string | undefined, remedy: RegExp, cases: Cases][] = [
  ['STORE_OPEN', 'not-a-file', /Choose the name of a file/, { 'a directory in its place': (path) => mkdirSync(path) }],
  [
    'STORE_OPEN',
    'not-a-file',
    /Remove the link/,
    { 'a link to a missing file': (path) => symlinkSync('missing', path) },
  ],
  ['STORE_OPEN', 'not-a-file', /Check that it is a file/, { 'a link to itself': (path) => symlinkSync(path, path) }],
  [
    'STORE_CORRUPT',
    'damaged',
    /Restore it from a backup, or move it away/,
    {
      'random bytes': (path) => writeFileSync(path, crypto.getRandomValues(new Uint8Array(10_000))),
      'one byte': (path) => writeFileSync(path, '\n'),
      'half of a database': (path) => {
        makeTokenDatabase(path);
        truncateSync(path, statSync(path).size / 2);
      },
      'a database without its last byte': makeCutDatabase,
      'the first bytes of a database': (path) => {
        makeTokenDatabase(path);
        truncateSync(path, 300);
      },
      'a database of ours without its tables': (path) => {
        makeTokenDatabase(path);
        execute(path, 'DROP TABLE token_key');
      },
    },
  ],
  [
    'STORE_VERSION',
    undefined,
    /schema 2, this one knows 1\). Update token-store-sqlite$/,
    {
      'a database of a newer version': (path) => {
        makeTokenDatabase(path);
        execute(path, 'PRAGMA user_version = 2');
      },
    },
  ],
  [
    'STORE_OPEN',
    'foreign',
    /another program.*Choose another file/,
    {
      "another program's database": (path) =>
        execute(path, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('keep me')"),
      "another program's empty database": (path) => execute(path, 'PRAGMA application_id = 1; PRAGMA user_version = 3'),
      "another program's token table": (path) =>
        execute(path, 'CREATE TABLE token (id INTEGER PRIMARY KEY, app_name TEXT, refresh_token TEXT)'),
      "a table like the original's, but without its primary key": (path) =>
        execute(path, 'CREATE TABLE token (app_name TEXT, refresh_token TEXT)'),
      "the original's table among those of another program": (path) =>
        execute(path, `${create}; CREATE TABLE notes (text)`),
      "the original's table with a version": (path) => execute(path, `${create}; PRAGMA user_version = 9`),
      "another program's database with a write-ahead log": (path) =>
        execute(path, 'PRAGMA journal_mode = WAL; CREATE TABLE notes (text)'),
    },
  ],
];
const flat = refusals.flatMap(([code, reason, remedy, cases]) =>
  Object.entries(cases).map(([what, make]) => ({ what, make, code, reason, remedy })),
);

for (const { what, make, code, reason, remedy } of flat) {
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

test('a file that is replaced while it is open is STORE_OPEN at the next call, and no task runs', async () => {
  if (windows) return console.log('skipped: Windows lets no program replace a file that SQLite has open');
  const path = join(temporaryDirectory(), 'tokens.db');
  using store = openTokenStore(path);
  store.set('app', { refreshToken: 'old' });
  const waiting = store.changed('app', { timeout: 10_000 });
  const other = join(temporaryDirectory(), 'tokens.db');
  makeTokenDatabase(other);
  const bytes = readFileSync(other);
  // A new file under the old name: an editor leaves one, a backup, or `rm` and a second program.
  writeFileSync(`${path}.new`, bytes);
  renameSync(`${path}.new`, path);
  const calls = [
    () => waiting,
    async () => store.get('app'),
    async () => store.list(),
    async () => store.set('app', { refreshToken: 'new' }),
    () => store.exclusively('app', async () => assert.unreachable('the task ran')),
  ];
  for (const call of calls) {
    const error = await call().catch((error: unknown) => error);
    const { code, reason, remedy } = Object(error) as TokenStoreError;
    assert.equal([code, reason, remedy], ['STORE_OPEN', 'moved', 'Open it again'], `${call}: ${error}`);
  }
  assert.ok(readFileSync(path).equals(bytes), 'the file was changed');
});

test('a file whose folder is moved while it is open is so for exclusively too, also while it waits for the lock', async () => {
  if (windows) return console.log('skipped: Windows lets no program move a folder with an open file');
  const folder = join(temporaryDirectory(), 'folder');
  using store = openTokenStore(join(folder, 'tokens.db'));
  const other = await holder(store);
  const failed = (name: string): Promise<TokenStoreError> => store.exclusively(name, neverRuns).catch((error) => error);
  const waiting = failed('app');
  await until(() => isWaitedFor(store));
  renameSync(folder, `${folder} elsewhere`);
  for (const { code, reason, message } of [await waiting, await failed('other')])
    assert.equal([code, reason], ['STORE_OPEN', 'moved'], message);
  other.kill('SIGKILL');
});

test('a folder that the system no longer opens is STORE_OPEN for exclusively too, not an error of the system', async () => {
  if (windows) return console.log('skipped: Windows lets no program move a folder with an open file');
  const folder = join(temporaryDirectory(), 'folder');
  using store = openTokenStore(join(folder, 'tokens.db'));
  renameSync(folder, `${folder} elsewhere`);
  symlinkSync(folder, folder);
  for (const call of [async () => store.get('app'), () => store.exclusively('app', neverRuns)]) {
    const { code, reason, message } = (await call().catch((error) => error)) as TokenStoreError;
    assert.equal([code, reason], ['STORE_OPEN', 'not-a-file'], `${call}: ${message}`);
  }
});

test('a file that SQLite cannot open, because its path or its name is too long, is not made, and the reason is told', () => {
  if (windows) return console.log('skipped: Windows allows no such path');
  const deep = join(temporaryDirectory(), ...Array.from({ length: 3 }, () => 'x'.repeat(200)));
  const countOpen = (): number => readdirSync('/dev/fd').length;
  for (const [folder, name] of [
    [deep, 'tokens.db'],
    [temporaryDirectory(), 'x'.repeat(250)],
    // 250 bytes, too.
    [temporaryDirectory(), 'é'.repeat(125)],
  ] as const) {
    const before = countOpen();
    assert.throws(
      () => openTokenStore(join(folder, name)),
      (error: TokenStoreError) => error.code === 'STORE_OPEN' && /name is too long .*shorter/.test(error.message),
    );
    assert.equal([readdirSync(folder), countOpen()], [[], before]);
  }
});

test('a file that cannot be found after it was made is not left behind', () => {
  if (process.platform !== 'linux') return console.log('skipped: only Linux has names that are not UTF-8');
  const directory = temporaryDirectory();
  const odd = Buffer.concat([Buffer.from(join(directory, 'odd')), Buffer.of(0xff)]);
  mkdirSync(odd);
  symlinkSync(odd, join(directory, 'link'));
  const before = readdirSync('/dev/fd').length;
  assert.throws(
    () => openTokenStore(join(directory, 'link', 'tokens.db')),
    (error: TokenStoreError) => error.code === 'STORE_OPEN',
  );
  assert.equal([readdirSync(odd), readdirSync('/dev/fd').length], [[], before]);
});

test('a file that has taken the place of the new one is not removed', () => {
  const directory = temporaryDirectory();
  const [path, other] = [join(directory, 'tokens.db'), join(directory, 'other.db')] as const;
  writeFileSync(other, 'of another program', { mode: 0o600 });
  const { openSync } = fs;
  const openAndReplace = (...args: Parameters<typeof openSync>): number => {
    const descriptor = openSync(...args);
    if (args[1] === 'wx') {
      rmSync(path);
      linkSync(other, path); // Two names, so it is refused.
    }
    return descriptor;
  };
  Object.assign(fs, { openSync: openAndReplace });
  try {
    assert.throws(
      () => openTokenStore(path),
      (error: TokenStoreError) => error.reason === 'linked',
    );
  } finally {
    Object.assign(fs, { openSync });
  }
  assert.is(readFileSync(path, 'utf8'), 'of another program');
});

test('data that another program has written, and that is no JSON, is STORE_CORRUPT, and is not shown', () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  using store = openTokenStore(path);
  const record = { refreshToken: 'refresh', data: { issuer: 'issuer' } };
  store.set('app', record);
  execute(path, "UPDATE token SET data = 'secret'");
  for (const act of [() => store.get('app'), () => store.replace('app', 'refresh', record)]) {
    assert.throws(
      act,
      ({ code, reason, message, cause }: TokenStoreError) =>
        code === 'STORE_CORRUPT' && reason === 'record-changed' && !message.includes('secret') && cause === undefined,
    );
  }
  store.set('app', record);
  assert.equal(store.get('app'), record);
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
