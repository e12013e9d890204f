import type { TokenRecord, TokenStore } from '../../src/index.ts';
import type { WatchedStore } from '../watched-store.ts';
import type { BrokenStore } from './broken-store.ts';

const without = (record: TokenRecord, field: keyof TokenRecord): TokenRecord => {
  const { [field]: _, ...rest } = record;
  return rest as TokenRecord;
};

/** Writes another record in place of a wrong one that it accepts. */
function acceptsWhat(store: WatchedStore, accepts: (record: TokenRecord) => boolean): Partial<TokenStore> {
  return {
    set: (name, record) => {
      if (!accepts(record)) store.set(name, record);
    },
  };
}

export const brokenRecords: Record<string, BrokenStore> = {
  'keeps fields of the record before': {
    breakIt: (store) => ({
      set: async (name, record) => store.set(name, { ...store.get(name), ...record }),
    }),
    fails: /^set writes the whole record/,
  },
  'keeps fields of the record that it replaces': {
    breakIt: (store) => ({
      replace: (name, previous, record) => store.replace(name, previous, { ...store.get(name), ...record }),
    }),
    fails: /^replace writes the whole record/,
  },
  'does not know when the refresh token expires': {
    breakIt: (store) => ({ set: (name, record) => store.set(name, without(record, 'refreshExpiresAt')) }),
    fails: /^a record is read back with every field/,
  },
  'does not know when the refresh token was refused': {
    breakIt: (store) => ({ set: (name, record) => store.set(name, without(record, 'refusedAt')) }),
    fails: /^a record is read back with every field/,
  },
  'does not know why the refresh token was refused': {
    breakIt: (store) => ({ set: (name, record) => store.set(name, without(record, 'refusedBecause')) }),
    fails: /^a record is read back with every field/,
  },
  'replaces without comparing': {
    breakIt: (store) => ({
      replace: async (name, _previous, record) => {
        store.set(name, record);
        return true;
      },
    }),
    fails: /^of many callers that replace/,
  },
  'compares and writes in two steps': {
    breakIt: (store) => ({
      replace: async (name, previous, record) => {
        if ((await store.get(name))?.refreshToken !== previous) return false;
        store.set(name, record);
        return true;
      },
    }),
    fails: /^of many callers that replace/,
  },
  'folds the case of names': {
    breakIt: (store) => ({
      get: (name) => store.get(name.toLowerCase()),
      set: (name, record) => store.set(name.toLowerCase(), record),
    }),
    fails: /^names that differ/,
  },
  'lists in the order of writing': {
    breakIt: (store) => ({ list: () => store.list().reverse() }),
    fails: /^list returns/,
  },
  'accepts an empty refresh token': {
    breakIt: (store) => acceptsWhat(store, (record) => record?.refreshToken === ''),
    fails: /^set and replace refuse a wrong record/,
  },
  'accepts a field of a wrong type': {
    breakIt: (store) => acceptsWhat(store, (record) => typeof record?.expiresAt === 'string'),
    fails: /^set and replace refuse a wrong record/,
  },
  'accepts half a surrogate pair in a token': {
    breakIt: (store) => acceptsWhat(store, (record) => !`${record?.accessToken}`.isWellFormed()),
    fails: /^set and replace refuse a wrong record/,
  },
  'accepts a record that is no object': {
    breakIt: (store) => acceptsWhat(store, (record) => typeof record !== 'object'),
    fails: /^set and replace refuse a wrong record/,
  },
  'refuses a wrong record with another error': {
    breakIt: (store) => ({
      set: async (name, record) => {
        if (record?.refreshToken === '') throw new Error('the refresh token is empty');
        store.set(name, record);
      },
    }),
    fails: /^set and replace refuse a wrong record/,
  },
  'deletes the stored record before it refuses a wrong one': {
    breakIt: (store) => ({
      set: (name, record) => {
        store.delete(name);
        store.set(name, record);
      },
    }),
    fails: /^set and replace refuse a wrong record/,
  },
  'makes a string of any name': {
    breakIt: (store) => ({ get: (name) => store.get(`${name}`), set: (name, record) => store.set(`${name}`, record) }),
    fails: /^a name that is not a string/,
  },
  'finds nothing under a name that is not a string': {
    breakIt: (store) => ({ get: (name) => (typeof name === 'string' ? store.get(name) : undefined) }),
    fails: /^a name that is not a string/,
  },
  'deletes nothing under a name that is not a string': {
    breakIt: (store) => ({ delete: (name) => typeof name === 'string' && store.delete(name) }),
    fails: /^a name that is not a string/,
  },
  'locks a name that is not a string': {
    breakIt: (store) => ({ exclusively: (name, task, options) => store.exclusively(`${name}`, task, options) }),
    fails: /^a name that is not a string/,
  },
  'writes names as UTF-8, in which two broken names are one': {
    breakIt: (store) => ({ set: (name, record) => store.set(`${name}`.toWellFormed(), record) }),
    fails: /^a name with half a surrogate pair/,
  },
  'drops a field that no record has when it sets a record': {
    breakIt: (store) => ({ set: (name, record) => store.set(name, withoutExtra(record)) }),
    fails: /^set and replace refuse a wrong record/,
  },
  'drops a field that no record has when it replaces a record': {
    breakIt: (store) => ({
      replace: (name, previous, record) => store.replace(name, previous, withoutExtra(record)),
    }),
    fails: /^set and replace refuse a wrong record/,
  },
  'cuts names at 255 characters': {
    breakIt: (store) => ({
      get: (name) => store.get(name.slice(0, 255)),
      set: (name, record) => store.set(name.slice(0, 255), record),
    }),
    fails: /^long names that differ only in the last character/,
  },
};

function withoutExtra(record: TokenRecord): TokenRecord {
  if (typeof record !== 'object' || record === null) return record;
  const { extra: _extra, ...rest } = record as TokenRecord & { extra?: unknown };
  return rest;
}
