import * as assert from 'node:assert/strict';
import type { ContractStore } from '../contract.ts';
import type { TokenRecord } from '../token-record.ts';

export const full: TokenRecord = {
  refreshToken: 'refresh-1',
  accessToken: 'access-1',
  expiresAt: 1_790_000_000_000,
  obtainedAt: 1_789_996_400_000,
  clientId: '11111111-2222-3333-4444-555555555555',
  authority: 'https://issuer.example/tenant',
  scope: 'files offline_access',
  idToken: 'header.payload.signature',
};

export const recordCases: Record<string, (store: ContractStore) => Promise<void>> = {
  'get is undefined for a name that has no record': async (store) => {
    assert.equal(await store.get('nobody'), undefined);
  },

  'a record comes back with every field it was written with': async (store) => {
    await store.set('app', full);
    assert.deepEqual(await store.get('app'), full);
  },

  'a field that is left out or undefined is absent when read back': async (store) => {
    const sparse: Record<string, unknown> = { refreshToken: 'refresh-1', accessToken: undefined, expiresAt: undefined };
    await store.set('app', sparse as unknown as TokenRecord);
    assert.deepEqual(Object.keys((await store.get('app')) ?? {}), ['refreshToken']);
  },

  'zero and the empty string are values, not absences': async (store) => {
    await store.set('app', { refreshToken: 'refresh-1', expiresAt: 0, scope: '' });
    assert.deepEqual(await store.get('app'), { refreshToken: 'refresh-1', expiresAt: 0, scope: '' });
  },

  'set writes the whole record and keeps nothing of the one before': async (store) => {
    await store.set('app', full);
    await store.set('app', { refreshToken: 'refresh-2' });
    assert.deepEqual(await store.get('app'), { refreshToken: 'refresh-2' });
    await store.set('app', { ...full, accessToken: 'access-3' });
    assert.deepEqual(await store.get('app'), { ...full, accessToken: 'access-3' });
  },

  'a record that the caller changes afterwards is not changed in the store': async (store) => {
    const record = { ...full };
    await store.set('app', record);
    record.refreshToken = 'changed';
    const read = await store.get('app');
    assert.deepEqual(read, full);
    if (read) read.refreshToken = 'changed';
    assert.deepEqual(await store.get('app'), full);
  },

  'tokens of any length and any characters come back as they were': async (store) => {
    const record = { refreshToken: `${'x'.repeat(20_000)} "'\\ \n\0 é 漢 😀`, accessToken: '%00; DROP TABLE token' };
    await store.set('app', record);
    assert.deepEqual(await store.get('app'), record);
  },

  'app names that differ in any character are different': async (store) => {
    const names = ['', ' ', 'app', 'App', 'app ', 'app\0', 'a/../b', 'e\u0301', '\u00e9', '__proto__', '😀', "'; --"];
    for (const name of names) await store.set(name, { refreshToken: `token of ${JSON.stringify(name)}` });
    for (const name of names) {
      assert.deepEqual(await store.get(name), { refreshToken: `token of ${JSON.stringify(name)}` });
    }
    assert.equal((await store.list()).length, names.length);
  },

  'replace writes where the stored refresh token is the previous one': async (store) => {
    await store.set('app', full);
    const second = { ...full, refreshToken: 'refresh-2', accessToken: 'access-2' };
    assert.equal(await store.replace('app', 'refresh-1', second), true);
    assert.deepEqual(await store.get('app'), second);
    assert.equal(await store.replace('app', 'refresh-2', { refreshToken: 'refresh-2', accessToken: 'access-3' }), true);
    assert.deepEqual(await store.get('app'), { refreshToken: 'refresh-2', accessToken: 'access-3' });
  },

  'replace is false and changes nothing where another refresh token is stored': async (store) => {
    await store.set('app', full);
    assert.equal(await store.replace('app', 'refresh-0', { refreshToken: 'refresh-2' }), false);
    assert.equal(await store.replace('app', '', { refreshToken: 'refresh-2' }), false);
    assert.deepEqual(await store.get('app'), full);
  },

  'replace with no previous token writes only where none is stored': async (store) => {
    assert.equal(await store.replace('app', undefined, full), true);
    assert.equal(await store.replace('app', undefined, { refreshToken: 'refresh-2' }), false);
    assert.deepEqual(await store.get('app'), full);
  },

  'replace does not bring back a record that was deleted': async (store) => {
    await store.set('app', full);
    await store.delete('app');
    assert.equal(await store.replace('app', 'refresh-1', { refreshToken: 'refresh-2' }), false);
    assert.equal(await store.get('app'), undefined);
  },

  'of many that replace the same token at once, one wins': async (store) => {
    await store.set('app', full);
    const tries = Array.from({ length: 20 }, (_, index) => ({ refreshToken: `refresh-by-${index}` }));
    const won = await Promise.all(tries.map((record) => store.replace('app', 'refresh-1', record)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.deepEqual(await store.get('app'), tries[won.indexOf(true)]);
  },

  'delete is true where there was a record, and takes that one only': async (store) => {
    await store.set('app', full);
    await store.set('other', full);
    assert.equal(await store.delete('app'), true);
    assert.equal(await store.delete('app'), false);
    assert.equal(await store.get('app'), undefined);
    assert.deepEqual(await store.get('other'), full);
  },

  'list has the names of all records, sorted': async (store) => {
    assert.deepEqual(await store.list(), []);
    for (const name of ['b', 'a', 'C', 'a b', '10', '9']) await store.set(name, full);
    await store.delete('b');
    assert.deepEqual(await store.list(), ['10', '9', 'C', 'a', 'a b']);
  },
};
