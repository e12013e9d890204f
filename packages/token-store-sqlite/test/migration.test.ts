import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, type TokenRecord, type TokenStoreError } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { makeSealedVersion1, makeVersion1, sealedBy, sealedRecord } from './version-1.ts';

const newPath = (): string => join(temporaryDirectory(), 'tokens.db');
const refused: TokenRecord = {
  refreshToken: 'refresh',
  refreshExpiresAt: 2 ** 43,
  refusedAt: 2 ** 42,
  refusedBecause: 'invalid_grant',
};

function inspect<T>(path: string, look: (database: Database.Database) => T): T {
  const database = new Database(path);
  try {
    return look(database);
  } finally {
    database.close();
  }
}

const versionOf = (path: string): unknown =>
  inspect(path, (database) => database.pragma('user_version', { simple: true }));
const schemaOf = (path: string): unknown[] =>
  inspect(path, (database) => database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all());

test('a file of version 1 keeps its records, and takes the new fields', () => {
  const path = newPath();
  makeVersion1(path, { refreshToken: 'refresh', accessToken: 'access' });
  {
    using store = openTokenStore(path);
    assert.equal(store.get('app'), { refreshToken: 'refresh', accessToken: 'access' });
    assert.ok(store.replace('app', 'refresh', refused));
  }
  assert.is(versionOf(path), 2);
  using again = openTokenStore(path);
  assert.equal(again.get('app'), refused);
});

test('a file of version 1 gets the same tables as a new file', () => {
  const [old, current] = [newPath(), newPath()];
  makeVersion1(old, { refreshToken: 'refresh' });
  openTokenStore(old).close();
  openTokenStore(current).close();
  assert.equal(schemaOf(old), schemaOf(current));
});

for (const [kind, version1] of Object.entries(sealedBy)) {
  test(`an encrypted file of version 1 opens with its key, which is ${kind}`, () => {
    const path = newPath();
    makeSealedVersion1(path, version1);
    {
      using store = openTokenStore(path, { key: version1.key });
      assert.equal(store.get('app'), sealedRecord);
      assert.ok(store.replace('app', 'refresh', refused));
    }
    assert.is(versionOf(path), 2);
    using again = openTokenStore(path, { key: version1.key });
    assert.equal(again.get('app'), refused);
    assert.not.match(readFileSync(path, 'latin1'), 'invalid_grant');
  });
}

test('a wrong or missing key leaves an encrypted file of version 1 as it was', () => {
  const path = newPath();
  makeSealedVersion1(path, sealedBy.bytes);
  chmodSync(path, 0o600);
  const before = readFileSync(path);
  for (const [options, reason] of [
    [{}, 'key-missing'],
    [{ key: 'wrong' }, 'key-wrong'],
  ] as const) {
    assert.throws(
      () => openTokenStore(path, options),
      (error: TokenStoreError) => error.code === 'STORE_KEY' && error.reason === reason,
    );
  }
  assert.ok(readFileSync(path).equals(before), 'the file was changed');
});

test('a key for a plain file of version 1 is STORE_KEY before anything is migrated', () => {
  const path = newPath();
  makeVersion1(path, { refreshToken: 'refresh' });
  const before = readFileSync(path);
  assert.throws(
    () => openTokenStore(path, { key: 'key' }),
    (error: TokenStoreError) => error.code === 'STORE_KEY' && error.reason === 'not-encrypted',
  );
  assert.ok(readFileSync(path).equals(before), 'the file was changed');
});

test('a key encrypts a file of version 1 that has no records', () => {
  const path = newPath();
  makeVersion1(path, { refreshToken: 'refresh' });
  inspect(path, (database) => database.exec('DELETE FROM token'));
  using store = openTokenStore(path, { key: sealedBy.bytes.key });
  store.set('app', refused);
  assert.equal(store.get('app'), refused);
  assert.not.match(readFileSync(path, 'latin1'), 'invalid_grant');
});

test('a file of version 1 that others can read is closed to them', () => {
  const path = newPath();
  makeVersion1(path, { refreshToken: 'refresh' });
  chmodSync(path, 0o644);
  openTokenStore(path).close();
  if (process.platform !== 'win32') assert.is(statSync(path).mode & 0o777, 0o600);
});

test('a migration that fails leaves version 1', () => {
  const path = newPath();
  makeVersion1(path, { refreshToken: 'refresh', accessToken: 'access' });
  // The last statements of the migration fail: there is no such trigger any more.
  inspect(path, (database) => database.exec('DROP TRIGGER token_foreign_write'));
  assert.throws(
    () => openTokenStore(path),
    (error: TokenStoreError) => error.code === 'STORE_CORRUPT' && error.reason === 'damaged',
  );
  assert.is(versionOf(path), 1);
  inspect(path, (database) => {
    const columns = database.prepare("SELECT name FROM pragma_table_info('token')").pluck().all();
    assert.not.ok(columns.includes('refused_at'), String(columns));
    assert.is(database.prepare('SELECT access_token FROM token').pluck().get(), 'access');
  });
});

test.run();
