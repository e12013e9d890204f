import * as assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { TokenStore } from '../token-store.ts';
import { fullRecord } from './records.ts';
import { app, assertSame, other, soon } from './soon.ts';

const any = (value: unknown): never => value as never;

const [text, number] = ['5', 5];
const half = 'half a pair \ud83d';

const wrongRecords: Record<string, unknown> = {
  null: null,
  undefined: undefined,
  'a string': text,
  'a record without a token': { ...fullRecord, refreshToken: undefined, accessToken: undefined },
  'an empty access token alone': { accessToken: '' },
  'an empty refresh token': { ...fullRecord, refreshToken: '' },
  'a field that no record has': { ...fullRecord, extra: text },
};
const wrongValues: Record<string, readonly unknown[]> = {
  string: [number, null, [text], half],
  number: [text, null, Number.NaN, {}],
  // `data`
  object: [
    number,
    null,
    '{}',
    [text],
    new Map(),
    ...[number, null, half].map((issuer) => ({ issuer })),
    { [half]: text },
  ],
};
for (const [field, value] of Object.entries(fullRecord)) {
  for (const wrong of wrongValues[typeof value] ?? []) {
    wrongRecords[`${field}: ${inspect(wrong)}`] = { ...fullRecord, [field]: wrong };
  }
}

const wrongNames = { undefined: undefined, null: null, 'a number': number, 'an object': {} };

/** Fails unless `act` throws a TypeError or rejects with one. */
async function refuses(what: string, act: () => unknown): Promise<void> {
  await assert.rejects(soon((async () => act())()), TypeError, `it did not refuse ${what} with a TypeError`);
}

export const argumentCases: Record<string, (store: TokenStore) => Promise<void>> = {
  'set and replace refuse a wrong record with a TypeError, and change nothing': async (store) => {
    await store.set(app, fullRecord);
    for (const [what, wrong] of Object.entries(wrongRecords)) {
      await refuses(`set with ${what}`, () => store.set(app, any(wrong)));
      await refuses(`replace with ${what}`, () => store.replace(app, 'refresh-1', any(wrong)));
      await refuses(`replace of nothing with ${what}`, () => store.replace(other, undefined, any(wrong)));
    }
    assertSame(await store.get(app), fullRecord);
    assertSame(await store.list(), [app]);
  },

  'data has at most 65,536 bytes as JSON: more is refused with a RangeError, and changes nothing': async (store) => {
    // Each of these characters is two bytes.
    const longest = { ...fullRecord, data: { a: 'é'.repeat(32_764) } };
    await store.set(app, longest);
    const longer = { ...fullRecord, data: { a: `${'é'.repeat(32_764)}x` } };
    for (const act of [() => store.set(app, longer), () => store.replace(app, 'refresh-1', longer)])
      await assert.rejects(soon((async () => act())()), RangeError);
    assertSame(await store.get(app), longest);
  },

  'a name that is not a string is refused with a TypeError; half a surrogate pair is not written': async (store) => {
    for (const [what, wrong] of Object.entries(wrongNames)) {
      await refuses(`get of ${what}`, () => store.get(any(wrong)));
      await refuses(`delete of ${what}`, () => store.delete(any(wrong)));
      await refuses(`exclusively of ${what}`, () => store.exclusively(any(wrong), async () => {}));
    }
    // A database could store two names of the last kind as the same bytes.
    for (const [what, wrong] of Object.entries({ ...wrongNames, 'half a surrogate pair': half })) {
      await refuses(`set of ${what}`, () => store.set(any(wrong), fullRecord));
      await refuses(`replace of ${what}`, () => store.replace(any(wrong), 'refresh-1', fullRecord));
      await refuses(`replace of ${what} without a record`, () => store.replace(any(wrong), undefined, fullRecord));
    }
    assertSame(await store.list(), []);
  },

  'a timeout that exclusively and changed cannot use is refused with a RangeError': async (store) => {
    for (const timeout of [-1, Number.NaN]) {
      await assert.rejects(soon(store.exclusively(app, async () => {}, { timeout })), RangeError);
      if (store.changed) await assert.rejects(soon(store.changed(app, { timeout })), RangeError);
    }
  },
};
