import * as assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { TokenStore } from '../token-store.ts';
import { fullRecord } from './records.ts';
import { assertSame, soon } from './soon.ts';

const any = (value: unknown): never => value as never;

const wrongRecords: Record<string, unknown> = {
  null: null,
  undefined: undefined,
  'a string': 'refresh-2',
  'a record without a token': { ...fullRecord, refreshToken: undefined, accessToken: undefined },
  'an empty access token alone': { accessToken: '' },
  'an empty refresh token': { ...fullRecord, refreshToken: '' },
  'a field that no record has': { ...fullRecord, refreshToken: 'refresh-2', extra: 'secret' },
};
const wrongValues: Record<string, readonly unknown[]> = {
  string: [5, null, ['text'], 'half\ud83d'],
  number: ['5', null, Number.NaN, {}],
  // `data`
  object: [
    5,
    null,
    '{}',
    ['text'],
    new Map(),
    { issuer: 5 },
    { issuer: null },
    { issuer: 'half\ud83d' },
    { 'half\ud83d': '' },
  ],
};
for (const [field, value] of Object.entries(fullRecord)) {
  for (const wrong of wrongValues[typeof value] ?? []) {
    wrongRecords[`${field}: ${inspect(wrong)}`] = { ...fullRecord, refreshToken: 'refresh-2', [field]: wrong };
  }
}

const wrongNames = { undefined: undefined, null: null, 'a number': 5, 'an object': {} };

/** Fails unless `act` throws a TypeError or rejects with one. */
async function refuses(what: string, act: () => unknown): Promise<void> {
  await assert.rejects(soon((async () => act())()), TypeError, `it did not refuse ${what} with a TypeError`);
}

export const argumentCases: Record<string, (store: TokenStore) => Promise<void>> = {
  'set and replace refuse a wrong record with a TypeError, and change nothing': async (store) => {
    await store.set('app', fullRecord);
    for (const [what, wrong] of Object.entries(wrongRecords)) {
      await refuses(`set with ${what}`, () => store.set('app', any(wrong)));
      assertSame(await store.get('app'), fullRecord, `set with ${what} changed the stored record`);
      await refuses(`replace with ${what}`, () => store.replace('app', 'refresh-1', any(wrong)));
      await refuses(`replace of nothing with ${what}`, () => store.replace('new', undefined, any(wrong)));
      assertSame(await store.get('app'), fullRecord, `replace with ${what} changed the stored record`);
    }
    assertSame(await store.list(), ['app']);
  },

  'data has at most 65,536 bytes as JSON: more is refused with a RangeError, and changes nothing': async (store) => {
    // Each of these characters is two bytes.
    const longest = { ...fullRecord, data: { a: 'é'.repeat(32_764) } };
    await store.set('app', longest);
    assertSame(await store.get('app'), longest);
    const longer = { ...fullRecord, data: { a: `${'é'.repeat(32_764)}x` } };
    for (const act of [() => store.set('app', longer), () => store.replace('app', 'refresh-1', longer)]) {
      await assert.rejects(soon((async () => act())()), RangeError);
      assertSame(await store.get('app'), longest);
    }
  },

  'a name that is not a string is refused with a TypeError; half a surrogate pair is not written': async (store) => {
    // A store that makes strings of names would find these.
    const names = ['5', '[object Object]', 'null', 'undefined'];
    for (const name of names) await store.set(name, fullRecord);
    const second = { refreshToken: 'refresh-2' };
    for (const [what, wrong] of Object.entries(wrongNames)) {
      await refuses(`get of ${what}`, () => store.get(any(wrong)));
      await refuses(`set of ${what}`, () => store.set(any(wrong), second));
      await refuses(`replace of ${what}`, () => store.replace(any(wrong), 'refresh-1', second));
      await refuses(`replace of ${what} without a record`, () => store.replace(any(wrong), undefined, second));
      await refuses(`delete of ${what}`, () => store.delete(any(wrong)));
      await refuses(`exclusively of ${what}`, () => store.exclusively(any(wrong), async () => {}));
    }
    // Two such names can become one.
    for (const half of ['app\ud83d', 'app\ude00']) {
      await refuses(`set of ${JSON.stringify(half)}`, () => store.set(half, fullRecord));
      await refuses(`replace of ${JSON.stringify(half)}`, () => store.replace(half, undefined, fullRecord));
    }
    assertSame(await store.list(), names);
    for (const name of names) assertSame(await store.get(name), fullRecord);
  },

  'a timeout that exclusively and changed cannot use is refused with a RangeError': async (store) => {
    for (const timeout of [-1, Number.NaN]) {
      await assert.rejects(soon(store.exclusively('app', async () => {}, { timeout })), RangeError);
      if (store.changed) await assert.rejects(soon(store.changed('app', { timeout })), RangeError);
    }
  },
};
