import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { changeKey } from 'token-store-kit/administration';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TokenDatabase } from '../src/database/token-database.ts';
import { openTokenStore, type SqliteTokenStore, type TokenStoreError } from '../src/index.ts';
import { assertLocked, keyError } from './key-errors.ts';
import { filesBeside, holder, neverRuns, newStore } from './lock-holders.ts';
import { bare } from './original-class.ts';

const bytes = new Uint8Array(32).fill(7);
const otherBytes = new Uint8Array(32).fill(8);
const record = {
  refreshToken: 'secret-refresh',
  accessToken: 'secret-access',
  expiresAt: 5,
  scope: 'secret-scope',
  data: { issuer: 'secret-data' },
};

const newPath = (): string => join(temporaryDirectory(), 'tokens.db');

const execute = (path: string, sql: string): void => bare(path, (database) => void database.exec(sql));

/** How often the function of node:crypto runs from now on. */
function countCalls(name: 'scryptSync' | 'createDecipheriv'): { readonly count: number } & Disposable {
  const crypto = process.getBuiltinModule('node:crypto');
  const original = crypto[name] as (...args: unknown[]) => unknown;
  let count = 0;
  const replacement = (...args: unknown[]) => {
    count++;
    return original(...args);
  };
  Object.assign(crypto, { [name]: replacement });
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]() {
      Object.assign(crypto, { [name]: original });
    },
  };
}

/** Composed and decomposed: in Unicode's eyes they are the same. */
const [passphrase, decomposed] = ['caf\u00e9 horse battery staple', 'cafe\u0301 horse battery staple'];
const isAlike = 'also in another normal form of Unicode; scrypt runs at the first open alone';

for (const key of [bytes, passphrase]) {
  const kind = typeof key === 'string' ? 'a passphrase' : '32 bytes';
  const scryptRuns = typeof key === 'string' ? 1 : 0;

  test(`records are read with ${kind}${scryptRuns ? `, ${isAlike}` : ''}, and are in no file in plain text`, () => {
    using scrypt = countCalls('scryptSync');
    const path = newPath();
    const store = openTokenStore(path, { key });
    assert.is(scrypt.count, scryptRuns);
    for (let round = 0; round < 20; round++) store.set('app', record);
    assert.equal(store.get('app'), record);
    assert.ok(store.replace('app', record.refreshToken, { ...record, refreshToken: 'secret-second' }));
    assert.not.ok(store.replace('app', record.refreshToken, record));
    store.close();
    assert.not.match(readFileSync(path, 'latin1'), 'secret');
    using again = openTokenStore(path, { key: typeof key === 'string' ? decomposed : key });
    assert.is(again.get('app')?.refreshToken, 'secret-second');
    assert.is(scrypt.count, scryptRuns);
  });
}

test('a wrong or missing key is STORE_KEY and writes nothing', () => assertLocked(bytes, [otherBytes]));

test('a key for a file with plain tokens is STORE_KEY, names rekey, and writes nothing', () => {
  const path = newPath();
  const store = openTokenStore(path);
  store.set('app', record);
  store.close();
  const before = readFileSync(path);
  keyError('not-encrypted', () => openTokenStore(path, { key: bytes }), /rekey\(key\)/);
  assert.ok(readFileSync(path).equals(before), 'the file was changed');
});

test("a key for the original class's file is STORE_KEY before anything is migrated", () => {
  const path = newPath();
  execute(
    path,
    "CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name)); INSERT INTO token VALUES ('app', 'r')",
  );
  const before = readFileSync(path);
  keyError('not-encrypted', () => openTokenStore(path, { key: bytes }));
  assert.ok(readFileSync(path).equals(before), 'the file was changed');
});

test('a key encrypts a file that has no tokens yet', () => {
  const path = newPath();
  const plain = openTokenStore(path);
  using store = openTokenStore(path, { key: bytes });
  store.set('app', record);
  keyError('key-changed', () => plain.set('other', record));
  keyError('key-changed', () => plain.replace('other', undefined, record));
  keyError('key-changed', () => plain.get('app'));
  plain.close();
  assert.not.match(readFileSync(path, 'latin1'), 'secret');
});

test('a record that was moved to another name, or changed, is STORE_CORRUPT and never another token', () => {
  for (const change of [
    "UPDATE token SET sealed = (SELECT sealed FROM token WHERE app_name = 'b') WHERE app_name = 'a'",
    "UPDATE token SET sealed = substr(sealed, 1, length(sealed) - 1) WHERE app_name = 'a'",
    "UPDATE token SET sealed = substr(sealed, 1, 16) WHERE app_name = 'a'",
  ]) {
    const path = newPath();
    using store = openTokenStore(path, { key: bytes });
    store.set('a', record);
    store.set('b', { refreshToken: 'b' });
    execute(path, change);
    for (const act of [() => store.get('a'), () => store.replace('a', 'b', record), () => store.rekey(otherBytes)]) {
      assert.throws(
        act,
        (error: TokenStoreError) =>
          error.code === 'STORE_CORRUPT' &&
          error.reason === 'record-changed' &&
          /"a" cannot be decrypted: .*sign in again/.test(error.message),
        change,
      );
    }
    assert.is(store.get('b')?.refreshToken, 'b');
    store.set('a', record);
    assert.equal(store.get('a'), record);
  }
});

test('rekey adds, changes and removes encryption, and keeps every record', () => {
  const path = newPath();
  const names = Array.from({ length: 50 }, (_, index) => `app${index}`).sort();
  let key: Uint8Array | undefined;
  let store = openTokenStore(path);
  const { refreshToken: _, ...withoutRefreshToken } = record;
  const recordOf = (name: string) => ({ ...(name === 'app7' ? withoutRefreshToken : record), accessToken: name });
  for (const name of names) store.set(name, recordOf(name));
  for (const next of [bytes, otherBytes, undefined]) {
    store.rekey(next);
    assert.equal(store.list(), names);
    for (const name of names) assert.equal(store.get(name), recordOf(name));
    assert.is(/secret/.test(readFileSync(path, 'latin1')), next === undefined);
    store.close();
    if (key !== undefined && next !== key) refusesOldKey(path, key, next);
    store = openTokenStore(path, next === undefined ? {} : { key: next });
    key = next;
  }
  store.close();
});

test('a change of key that fails at its end leaves the old key, in the file and in the store', () => {
  using store = openTokenStore(newPath(), { key: bytes });
  store.set('app', record);
  const { transaction } = TokenDatabase.prototype;
  TokenDatabase.prototype.transaction = function (work) {
    const workAndFail = (): never => {
      work();
      throw new Error('no commit');
    };
    return transaction.call(this, workAndFail) as never;
  };
  try {
    assert.throws(() => store.rekey(otherBytes), 'no commit');
  } finally {
    TokenDatabase.prototype.transaction = transaction;
  }
  assert.ok(store.replace('app', record.refreshToken, record));
  assert.equal(store.get('app'), record);
});

test('of two that change the key at once, one gets STORE_KEY, also if there is no record', () => {
  const path = newPath();
  using store = openTokenStore(path);
  using other = openTokenStore(path);
  const { transaction } = TokenDatabase.prototype;
  TokenDatabase.prototype.transaction = function (work) {
    TokenDatabase.prototype.transaction = transaction;
    other.rekey(otherBytes);
    return transaction.call(this, work) as never;
  };
  keyError('key-changed', () => store.rekey(bytes));
  other.set('app', record);
  assert.equal(other.get('app'), record);
});

test('a first sign-in that begins after changeKey has looked for some keeps its key', async () => {
  using store = newStore();
  store.set('app', record);
  // A lock that this process has had is one of others by now.
  await store.exclusively('new', async () => {});
  const killed = await holder(store, 'killed');
  killed.kill('SIGKILL');
  await killed.ended;
  const signIn = await holder(store, 'new');
  const { lockedNames } = store;
  store.lockedNames = () => []; // As if both had begun later.
  const change = () => changeKey(store, () => bytes).catch((error: unknown) => error);
  const { code, reason, pid, message } = (await change()) as TokenStoreError;
  assert.equal([code, reason, pid], ['STORE_BUSY', 'lock-held', signIn.pid], message);
  assert.equal(openTokenStore(store.path).get('app'), record);
  signIn.kill('SIGKILL');
  await signIn.ended;
  store.lockedNames = lockedNames;
  assert.is(await change(), undefined);
  assert.equal([store.get('app'), filesBeside(store)], [record, ['tokens.db']]);
});

for (const [firstKey, reason] of [
  [{ key: bytes }, 'key-wrong'],
  [{}, 'not-encrypted'],
] as const) {
  test(`of two that make a file with different keys at once, one gets STORE_KEY (${reason}), and the other keeps its tokens`, () => {
    const path = newPath();
    const crypto = process.getBuiltinModule('node:crypto');
    const { randomBytes } = crypto;
    let first: SqliteTokenStore | undefined;
    // Just before the key of the second one goes into the file.
    crypto.randomBytes = ((size: number) => {
      crypto.randomBytes = randomBytes;
      first = openTokenStore(path, firstKey);
      first.set('app', record);
      return randomBytes(size);
    }) as typeof randomBytes;
    keyError(reason, () => openTokenStore(path, { key: otherBytes }));
    assert.equal(first?.get('app'), record);
    first?.close();
  });
}

function refusesOldKey(path: string, old: Uint8Array, next: Uint8Array | undefined): void {
  if (next === undefined) keyError('not-encrypted', () => openTokenStore(path, { key: old }), /is not encrypted/);
  else keyError('key-wrong', () => openTokenStore(path, { key: old }), /another key/);
}

test('a store that was open when the key changed can neither read, write nor lock with the old key', async () => {
  for (const [before, after] of [
    [undefined, bytes],
    [bytes, otherBytes],
    [bytes, undefined],
  ] as const) {
    const path = newPath();
    using old = openTokenStore(path, before ? { key: before } : {});
    old.set('app', record);
    using store = openTokenStore(path, before ? { key: before } : {});
    const ending = Promise.withResolvers<void>();
    const running = store.exclusively('new', () => ending.promise);
    const waiting = old.exclusively('new', neverRuns).catch((error: unknown) => error);
    store.rekey(after);
    ending.resolve();
    await running;
    const content = readFileSync(path);
    keyError('key-changed', () => old.get('app'), /Open it again/);
    keyError('key-changed', () => old.set('app', record), /Open it again/);
    keyError('key-changed', () => old.set('new', record), /Open it again/);
    keyError('key-changed', () => old.replace('app', record.refreshToken, { refreshToken: 'lost' }), /Open it again/);
    keyError('key-changed', () => old.replace('new', undefined, record), /Open it again/);
    keyError('key-changed', () => old.rekey(bytes), /Open it again/);
    const late = old.exclusively('new', neverRuns).catch((error: unknown) => error);
    for (const refused of [waiting, late]) assert.is(((await refused) as TokenStoreError).reason, 'key-changed');
    assert.ok(readFileSync(path).equals(content), 'the file was changed');
    assert.equal(store.get('app'), record);
  }
});

test('another program cannot write plain tokens into an encrypted file', () => {
  const path = newPath();
  using store = openTokenStore(path, { key: bytes });
  store.set('app', record);
  const upsert = (name: string): string =>
    `INSERT INTO token (app_name, refresh_token) VALUES ('${name}', 'plain') ON CONFLICT (app_name) DO UPDATE SET refresh_token = 'plain'`;
  for (const name of ['app', 'new']) assert.throws(() => execute(path, upsert(name)), /encrypted with another key/);
  assert.throws(() => execute(path, "UPDATE token SET refresh_token = 'plain'"), /encrypted with another key/);
  assert.equal(store.get('app'), record);
});

test('a file that was encrypted by an earlier release opens with its key', () => {
  const path = newPath();
  openTokenStore(path).close();
  const salt = '0D500B702A0A32474861A25F5D5D19BE';
  const verifier = `${salt}1C7DEA4320DF4613ADDC3533C8A8CA9995FB0FEE152703FCC1339E84`;
  const sealed = `${salt}0D06BABDFD6D111CE37F4DEA9675ABD128D67085184A7693D27E84851B07C93365CBC3B4C81CC8486769B1FEB355C51F060036A2D6FB7F39AFE84EB401E6519A5A50AE1F954BD9D4E3CAA67E9AD867134A6193D9A033F212F5F7AD87E1EC951929B8B29CDC6F860A009D28780BAD2A0010C29CCE797894`;
  execute(
    path,
    `INSERT INTO token_key VALUES (x'${salt}', x'${verifier}');
    INSERT INTO token (app_name, sealed, revision) VALUES ('app', x'${sealed}', 1)`,
  );
  using store = openTokenStore(path, { key: bytes });
  const stored = { refreshToken: 'refresh', accessToken: 'access', expiresAt: 1_800_000_000_000, scope: 'files' };
  assert.equal(store.get('app'), stored);
});

test('rekey reads each record once', () => {
  using store = openTokenStore(newPath(), { key: bytes });
  for (const name of ['a', 'b', 'c']) store.set(name, record);
  using read = countCalls('createDecipheriv');
  store.rekey(otherBytes);
  assert.is(read.count, 3);
  assert.equal(store.get('c'), record);
});

test('a record that does not fit the key of the file is STORE_CORRUPT, because no new key would open it', () => {
  for (const change of [
    "sealed = CAST(x'00' || substr(sealed, 2) AS BLOB)",
    "sealed = NULL, refresh_token = 'plain'",
  ]) {
    const path = newPath();
    using store = openTokenStore(path, { key: bytes });
    store.set('a', record);
    execute(path, `DROP TRIGGER token_update_key; UPDATE token SET ${change}`);
    for (const act of [
      () => store.get('a'),
      () => store.replace('a', 'plain', record),
      () => store.rekey(otherBytes),
    ]) {
      assert.throws(
        act,
        ({ code, reason }: TokenStoreError) => code === 'STORE_CORRUPT' && reason === 'record-changed',
      );
    }
    store.delete('a');
    store.rekey(otherBytes);
  }
});

test.run();
