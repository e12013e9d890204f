import * as assert from 'node:assert/strict';
import type { TokenRecord } from '../token-record.ts';
import type { TokenStore } from '../token-store.ts';
import { app, assertSame, other } from './soon.ts';

/** Has every field. */
export const fullRecord: Required<TokenRecord> = {
  refreshToken: 'refresh-1',
  accessToken: 'access-1',
  expiresAt: 1_790_000_000_005,
  obtainedAt: 1_789_996_400_001,
  clientId: '11111111-2222-3333-4444-555555555555',
  authority: 'https://issuer.example/tenant',
  scope: 'files offline_access',
  idToken: 'header.payload.signature',
  refreshExpiresAt: 1_797_772_400_002,
  signedInAt: 1_789_996_300_003,
  refusedAt: 1_790_000_100_004,
  refusedBecause: 'invalid_grant: the token was revoked',
  data: { registration: '{"client_id":"dynamic"}', issuer: 'https://issuer.example' },
};

const records: readonly TokenRecord[] = [
  fullRecord,
  { refreshToken: 'refresh-2' },
  fullRecord,
  // Zero and the empty string are values like any other.
  { refreshToken: 'refresh-1', expiresAt: 0, scope: '', refusedAt: 0, refusedBecause: '', data: {} },
  { accessToken: 'access-1' },
  { refreshToken: `${'x'.repeat(20_000)} "'\\ \n\0 é 漢 😀`, accessToken: '%00; DROP TABLE token' },
];

/** The arguments of `replace`, and whether it has to write. */
type Replacement = readonly [previous: string | undefined, record: TokenRecord, isExpected: boolean];

/** Fails unless each replacement, one after the other, writes the whole record or changes nothing, as expected. Begins without a record. */
async function replaceEach(store: TokenStore, replacements: readonly Replacement[]): Promise<void> {
  let stored: TokenRecord | undefined;
  for (const [previous, record, isExpected] of replacements) {
    assert.equal(await store.replace(app, previous, record), isExpected);
    if (isExpected) stored = record;
    assertSame(await store.get(app), stored);
  }
}

export const recordCases: Record<string, (store: TokenStore) => Promise<void>> = {
  'a record is read back as it was written, without any other field, and without one, undefined': async (store) => {
    assert.equal(await store.get(app), undefined);
    for (const [index, record] of records.entries()) {
      // Over an earlier record, and as the first record of its name.
      for (const name of [app, `app ${index}`]) {
        await store.set(name, record);
        assertSame(await store.get(name), record);
      }
    }
    await store.set(app, { refreshToken: 'refresh-1', accessToken: undefined, expiresAt: undefined });
    assertSame(await store.get(app), { refreshToken: 'refresh-1' });
  },

  'an object that the caller changes afterwards does not change the stored record': async (store) => {
    // Changes the innermost object: a store that copies this one also copies the outer one.
    const change = ({ data = {} }: TokenRecord) => Object.assign(data, { issuer: 'of the caller' });
    const record = structuredClone(fullRecord);
    await store.set(app, record);
    change(record);
    change((await store.get(app)) ?? {});
    assertSame(await store.get(app), fullRecord);
  },

  'data may have any keys, and is read back as a plain object': async (store) => {
    const keys = ['__proto__', 'constructor', '', ' ', 'a.b', "'; --", '"\\', '\0', '\ud83d\ude00', '1'];
    const data = Object.fromEntries(keys.map((key) => [key, `of ${key}`]));
    const bare = { ...fullRecord, data: Object.assign(Object.create(null), data) };
    for (const write of [() => store.set(app, bare), () => store.replace(app, 'refresh-1', { ...fullRecord, data })]) {
      await write();
      const read = await store.get(app);
      assertSame(Object.entries(read?.data ?? {}), Object.entries(data));
      // The prototype is `Object.prototype`, but may be that of another realm.
      assert.equal(Object.getPrototypeOf(Object.getPrototypeOf(read?.data)), null);
    }
  },

  'names that differ in any character are different names, and list returns all, sorted': async (store) => {
    const names = ['', ' ', 'app', 'App', 'app ', 'app\0', 'a/../b', 'e\u0301', '\u00e9', '__proto__', '😀', "'; --"];
    names.push('10', '9', 'x'.repeat(999), 'x'.repeat(1_000));
    for (const name of names) await store.set(name, { refreshToken: `token of ${JSON.stringify(name)}` });
    for (const name of names) {
      assertSame(await store.get(name), { refreshToken: `token of ${JSON.stringify(name)}` });
    }
    assertSame(await store.list(), names.sort());
    for (const name of names) assert.equal(await store.delete(name), true);
    assertSame(await store.list(), []);
  },

  'replace writes the whole record if the previous token is stored, else it returns false': async (store) => {
    const second = { ...fullRecord, refreshToken: 'refresh-2' };
    await replaceEach(store, [
      [undefined, fullRecord, true],
      ['refresh-0', second, false],
      ['', second, false],
      [undefined, second, false],
      ['refresh-1', second, true],
      ['refresh-2', { refreshToken: 'refresh-2' }, true],
    ]);
    await store.delete(app);
    await replaceEach(store, [['refresh-2', second, false]]);
  },

  'a record without a refresh token is compared by its access token': async (store) => {
    const first = { accessToken: 'access-1' };
    await replaceEach(store, [
      [undefined, first, true],
      ['access-0', fullRecord, false],
      ['', fullRecord, false],
      [undefined, fullRecord, false],
      ['access-1', fullRecord, true],
      // The refresh token alone counts if there is one.
      ['access-1', first, false],
      ['refresh-1', first, true],
    ]);
    assertSame(await store.list(), [app]);
  },

  'of many callers that replace the same token at once, one wins, also if none is stored': async (store) => {
    for (const previous of [undefined, 'refresh-1']) {
      const tries = Array.from({ length: 20 }, (_, index) => ({ refreshToken: `refresh-by-${index}` }));
      const won = await Promise.all(tries.map((record) => store.replace(app, previous, record)));
      assert.equal(won.filter(Boolean).length, 1);
      assertSame(await store.get(app), tries[won.indexOf(true)]);
      await store.set(app, fullRecord);
    }
  },

  'delete returns true if there was a record, and deletes only that one': async (store) => {
    for (const name of [app, other]) await store.set(name, fullRecord);
    assert.equal(await store.delete(app), true);
    assert.equal(await store.delete(app), false);
    assert.equal(await store.get(app), undefined);
    assertSame(await store.get(other), fullRecord);
  },
};
