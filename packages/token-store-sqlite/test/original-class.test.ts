import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The original class's own statements, run by one SQLite or another. */
interface OriginalClass {
  create(path: string): void;
  write(path: string, appName: string, refreshToken: string): void;
  read(path: string, appName: string): string | null;
}

const create = 'CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))';
const write =
  'INSERT INTO token (app_name, refresh_token) VALUES (?, ?) ON CONFLICT (app_name) DO UPDATE SET refresh_token = ?';
const read = 'SELECT refresh_token FROM token WHERE app_name = ?';

function bare<T>(path: string, use: (database: Database.Database) => T): T {
  const database = new Database(path);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

const inNode: OriginalClass = {
  create: (path) => bare(path, (database) => void database.exec(create)),
  write: (path, appName, token) => bare(path, (database) => void database.prepare(write).run(appName, token, token)),
  read: (path, appName) => bare(path, (database) => (database.prepare(read).pluck().get(appName) as string) ?? null),
};

const script = `
import json, sqlite3, sys
path, statement, *values = json.loads(sys.argv[1])
connection = sqlite3.connect(path)
row = connection.execute(statement, values).fetchone()
connection.commit()
connection.close()
print(json.dumps(row[0] if row else None))
`;

// The interpreter itself: a version manager's `python3` takes longer to start than these statements take.
const found = spawnSync('python3', ['-c', 'import sqlite3, sys; print(sys.executable, sqlite3.sqlite_version)'], {
  encoding: 'utf8',
});
const [interpreter = '', version = ''] = found.status === 0 ? found.stdout.trim().split(/ (?=[\d.]+$)/) : [];
// Python reads a file with a STRICT table from SQLite 3.37 (November 2021) on.
const pythonFits = Number(version.split('.')[1]) >= 37;
if (!pythonFits) console.log('skipped: the original class needs python3 with SQLite 3.37 (apt-get install python3)');

function python(path: string, statement: string, ...values: string[]): string | null {
  const { stdout, stderr, status } = spawnSync(
    interpreter,
    ['-c', script, JSON.stringify([path, statement, ...values])],
    {
      encoding: 'utf8',
    },
  );
  assert.is(status, 0, stderr);
  return JSON.parse(stdout) as string | null;
}

const inPython: OriginalClass = {
  create: (path) => void python(path, create),
  write: (path, appName, token) => void python(path, write, appName, token, token),
  read: (path, appName) => python(path, read, appName),
};

for (const [where, original] of Object.entries({ 'in Node': inNode, 'in Python': inPython })) {
  const run = suite(`The original class's statements ${where}`);
  const test = original === inPython && !pythonFits ? run.skip : run;

  test('a file of the original opens as it is, with its refresh tokens', () => {
    const path = join(temporaryDirectory(), 'tokens.db');
    original.create(path);
    original.write(path, 'app', 'from-original');
    original.write(path, 'other', 'from-original-too');
    using store = openTokenStore(path);
    assert.equal(store.get('app'), { refreshToken: 'from-original' });
    assert.equal(store.list(), ['app', 'other']);
  });

  test('the original can still read and write the same file', () => {
    const path = join(temporaryDirectory(), 'tokens.db');
    original.create(path);
    original.write(path, 'app', 'first');
    using store = openTokenStore(path);
    assert.ok(store.replace('app', 'first', { refreshToken: 'second', accessToken: 'access', expiresAt: 5 }));
    assert.is(original.read(path, 'app'), 'second');
    original.write(path, 'app', 'third');
    assert.is(original.read(path, 'app'), 'third');
    assert.not.ok(store.replace('app', 'second', { refreshToken: 'lost' }));
    assert.ok(store.replace('app', 'third', { refreshToken: 'fourth' }));
    assert.is(original.read(path, 'app'), 'fourth');
    store.set('ours', { refreshToken: 'ours' });
    assert.is(original.read(path, 'ours'), 'ours');
    store.delete('ours');
    assert.is(original.read(path, 'ours'), null);
    original.write(path, 'new', 'new');
    assert.equal(store.get('new'), { refreshToken: 'new' });
  });

  test('when the original writes another refresh token, what belonged to the old one is deleted', () => {
    const path = join(temporaryDirectory(), 'tokens.db');
    using store = openTokenStore(path);
    const record = {
      refreshToken: 'first',
      accessToken: 'access-of-first',
      expiresAt: 2 ** 42,
      obtainedAt: 5,
      clientId: 'client',
      authority: 'issuer',
      scope: 'files',
      idToken: 'id',
      refreshExpiresAt: 2 ** 43,
      refusedAt: 6,
      refusedBecause: 'invalid_grant',
    };
    store.set('app', record);
    store.set('untouched', record);
    original.write(path, 'app', 'first');
    assert.equal(store.get('app'), record, 'the same token was written again');
    original.write(path, 'app', 'second');
    assert.equal(store.get('app'), { refreshToken: 'second' });
    assert.equal(store.get('untouched'), record);
  });

  test('the original can use a file that this store has made', () => {
    const path = join(temporaryDirectory(), 'tokens.db');
    using store = openTokenStore(path);
    original.write(path, 'app', 'from-original');
    assert.is(original.read(path, 'app'), 'from-original');
    assert.equal(store.get('app'), { refreshToken: 'from-original' });
  });

  test('a row of the original without a token counts as no record', () => {
    const path = join(temporaryDirectory(), 'tokens.db');
    original.create(path);
    original.write(path, 'empty', '');
    using store = openTokenStore(path);
    bare(path, (database) => database.exec("INSERT INTO token (app_name) VALUES ('null')"));
    assert.equal(store.list(), []);
    for (const name of ['empty', 'null']) {
      assert.is(store.get(name), undefined);
      assert.ok(store.replace(name, undefined, { refreshToken: 'first' }));
      assert.equal(store.get(name), { refreshToken: 'first' });
    }
  });

  run.run();
}
