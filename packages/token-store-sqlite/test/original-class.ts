import { join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';

/** The original class's own statements, run by one SQLite or another. */
export interface OriginalClass {
  create(path: string): void;
  write(path: string, appName: string, refreshToken: string): void;
  read(path: string, appName: string): string | null;
}

export const create = 'CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))';
export const write =
  'INSERT INTO token (app_name, refresh_token) VALUES (?, ?) ON CONFLICT (app_name) DO UPDATE SET refresh_token = ?';
export const read = 'SELECT refresh_token FROM token WHERE app_name = ?';

export function bare<T>(path: string, use: (database: Database.Database) => T): T {
  const database = new Database(path);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

/** What the original class and this store make of each other's files. */
export function testOriginalClass(original: OriginalClass, test: typeof uvuTest | typeof uvuTest.skip = uvuTest): void {
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
    const second = { refreshToken: 'second', accessToken: 'access', expiresAt: 5 };
    assert.ok(store.replace('app', 'first', second));
    assert.equal(store.get('app'), second);
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
      signedInAt: 4,
      refusedAt: 6,
      refusedBecause: 'invalid_grant',
      data: { issuer: 'issuer' },
    };
    store.set('app', record);
    store.set('untouched', record);
    original.write(path, 'app', 'first');
    assert.equal(store.get('app'), record, 'the same token was written again');
    original.write(path, 'app', 'second');
    assert.equal(store.get('app'), { refreshToken: 'second' });
    assert.equal(store.get('untouched'), record);
  });

  test('a record without a refresh token is a row with none, until the original writes one', () => {
    const path = join(temporaryDirectory(), 'tokens.db');
    original.create(path);
    using store = openTokenStore(path);
    const record = { accessToken: 'access', data: { issuer: 'issuer' } };
    store.set('app', record);
    assert.equal(store.get('app'), record);
    assert.is(original.read(path, 'app'), null);
    original.write(path, 'app', 'from-original');
    assert.equal(store.get('app'), { refreshToken: 'from-original' });
    assert.ok(store.replace('app', 'from-original', { accessToken: 'access' }));
    assert.is(original.read(path, 'app'), null);
    original.write(path, 'app', '');
    assert.is(store.get('app'), undefined);
    assert.equal(store.list(), []);
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
}
