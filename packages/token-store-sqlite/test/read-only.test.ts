import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore, TokenStoreError, type TokenStoreErrorCode } from '../src/index.ts';
import { snapshot } from './snapshot.ts';

const newPath = (): string => join(temporaryDirectory(), 'tokens.db');

/** Calls `read`, and asserts that no file in the directory of `path` was made or changed. */
async function unchanged<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  const before = snapshot(dirname(path));
  try {
    return await read();
  } finally {
    assert.equal(snapshot(dirname(path)), before);
  }
}

async function assertFails(code: TokenStoreErrorCode, reason: string | undefined, work: () => unknown): Promise<void> {
  const error = await (async () => work())().then(
    () => undefined,
    (thrown) => thrown,
  );
  assert.instance(error, TokenStoreError);
  assert.equal([error.code, error.reason], [code, reason], error.message);
}

const makers: Record<string, (path: string) => void> = {
  'a file of the Python class': (path) => {
    const database = new Database(path);
    database.exec(
      "CREATE TABLE token (app_name TEXT PRIMARY KEY, refresh_token TEXT); INSERT INTO token VALUES ('app', 'r')",
    );
    database.close();
  },
  'a file that other users can read': (path) => {
    using store = openTokenStore(path);
    store.set('app', { refreshToken: 'r' });
    chmodSync(path, 0o644);
  },
};
for (const [what, make] of Object.entries(makers)) {
  test(`${what} is read and stays as it is`, async () => {
    const path = newPath();
    make(path);
    await unchanged(path, () => {
      using store = openTokenStore(path, { readOnly: true });
      assert.equal(store.list(), ['app']);
      assert.equal(store.get('app'), { refreshToken: 'r' });
      assert.is(store.get('other'), undefined);
    });
  });
}

test('an empty file has no records, and stays empty', async () => {
  const path = newPath();
  writeFileSync(path, '');
  await unchanged(path, () => {
    using store = openTokenStore(path, { readOnly: true });
    assert.equal(store.list(), []);
    assert.is(store.get('app'), undefined);
  });
});

const becoming = { ...makers, 'an empty file': (path: string) => writeFileSync(path, '') };
for (const [what, make] of Object.entries(becoming)) {
  test(`${what} is read as it is after another store has written and encrypted it`, async () => {
    const path = newPath();
    make(path);
    using reader = openTokenStore(path, { readOnly: true });
    const before = reader.get('app');
    using writer = openTokenStore(path);
    assert.equal(reader.get('app'), before);
    const record = { refreshToken: 'new', accessToken: 'a', expiresAt: 5 };
    writer.set('app', record);
    assert.equal([reader.list(), reader.get('app')], [['app'], record]);
    writer.rekey(new Uint8Array(32));
    assert.equal(reader.list(), ['app']);
    await assertFails('STORE_KEY', 'key-changed', () => reader.get('app'));
  });
}

test('an encrypted file opens with its key alone', async () => {
  const path = newPath();
  // Not passphrases: to derive a key from one takes long.
  const [right, wrong] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  {
    using store = openTokenStore(path, { key: right });
    store.set('app', { refreshToken: 'r', clientId: 'c' });
  }
  await unchanged(path, async () => {
    using store = openTokenStore(path, { key: right, readOnly: true });
    assert.equal(store.get('app'), { refreshToken: 'r', clientId: 'c' });
    await assertFails('STORE_KEY', 'key-missing', () => openTokenStore(path, { readOnly: true }));
    await assertFails('STORE_KEY', 'key-wrong', () => openTokenStore(path, { key: wrong, readOnly: true }));
  });
});

test('a missing file is STORE_OPEN, and neither it nor its directory is made', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'new/tokens.db');
  await assertFails('STORE_OPEN', 'missing', () => openTokenStore(path, { readOnly: true }));
  assert.not(existsSync(dirname(path)));
  mkdirSync(dirname(path));
  await assertFails('STORE_OPEN', 'missing', () => openTokenStore(path, { readOnly: true }));
  assert.not(existsSync(path));
});

test('every call that writes or locks is STORE_READONLY', async () => {
  const path = newPath();
  openTokenStore(path).close();
  await unchanged(path, async () => {
    using store = openTokenStore(path, { readOnly: true });
    const record = { refreshToken: 'r' };
    await assertFails('STORE_READONLY', undefined, () => store.set('app', record));
    await assertFails('STORE_READONLY', undefined, () => store.replace('app', undefined, record));
    await assertFails('STORE_READONLY', undefined, () => store.delete('app'));
    await assertFails('STORE_READONLY', undefined, () => store.rekey(undefined));
    await assertFails('STORE_READONLY', undefined, () => store.exclusively('app', async () => {}));
  });
});

test('what a killed writer left half written is not undone', async () => {
  const path = newPath();
  {
    using store = openTokenStore(path);
    store.set('app', { refreshToken: 'old', accessToken: 'x'.repeat(20_000) });
  }
  const crashed = join(temporaryDirectory(), 'tokens.db');
  const writer = new Database(path);
  // So small a cache makes SQLite write pages, and the journal before them, within the transaction.
  writer.exec('PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE token SET access_token = hex(randomblob(90000))');
  copyFileSync(path, crashed);
  copyFileSync(`${path}-journal`, `${crashed}-journal`);
  writer.exec('ROLLBACK');
  writer.close();
  await unchanged(crashed, () =>
    assertFails('STORE_READONLY', 'unfinished-write', () => {
      using store = openTokenStore(crashed, { readOnly: true });
      store.get('app');
    }),
  );
  using store = openTokenStore(crashed);
  assert.is(store.get('app')?.refreshToken, 'old');
});

test('readOnly must be a boolean', () => {
  assert.throws(() => openTokenStore(newPath(), { readOnly: 1 as unknown as boolean }), /readOnly/);
});

test.run();
