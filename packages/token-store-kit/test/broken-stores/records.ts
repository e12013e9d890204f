import { comparedToken, type TokenRecord, type TokenStore } from '../../src/index.ts';
import { WatchedStore } from '../watched-store.ts';
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
  'does not know when the person signed in': {
    breakIt: (store) => ({ set: (name, record) => store.set(name, without(record, 'signedInAt')) }),
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
  'lets one caller win, and stores the record of another': {
    breakIt: (store) => ({
      replace: async (name, previous, record) => {
        if (store.replace(name, previous, record)) return true;
        store.set(name, record);
        return false;
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
  'writes nothing under a name that is not a string': {
    breakIt: (store) => ({
      set: (name, record) => {
        if (typeof name === 'string') store.set(name, record);
      },
    }),
    fails: /^a name that is not a string/,
  },
  'replaces nothing under a name that is not a string': {
    breakIt: (store) => ({ replace: (name, ...rest) => typeof name === 'string' && store.replace(name, ...rest) }),
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
  'makes a string of any name when it replaces': {
    breakIt: (store) => ({ replace: (name, previous, record) => store.replace(`${name}`, previous, record) }),
    fails: /^a name that is not a string/,
  },
  'replaces under a broken name': {
    breakIt: (store) => ({ replace: (name, ...rest) => store.replace(`${name}`.toWellFormed(), ...rest) }),
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
  'writes a record without data that is too long': {
    breakIt: (store) => ({ set: (name, record) => store.set(name, withoutLongData(record)) }),
    fails: /^data has at most/,
  },
  'replaces a record without data that is too long': {
    breakIt: (store) => ({
      replace: (name, previous, record) => store.replace(name, previous, withoutLongData(record)),
    }),
    fails: /^data has at most/,
  },
  'does not know what else belongs to the sign-in': {
    breakIt: (store) => ({ set: (name, record) => store.set(name, without(record, 'data')) }),
    fails: /^a record is read back with every field/,
  },
  'loses a key of data that objects have': {
    breakIt: (store) => ({ set: (name, record) => store.set(name, { ...record, data: withAssignedKeys(record) }) }),
    fails: /^data may have any keys/,
  },
  'loses it when it replaces a record': {
    breakIt: (store) => ({
      replace: (name, previous, record) => store.replace(name, previous, { ...record, data: withAssignedKeys(record) }),
    }),
    fails: /^data may have any keys/,
  },
  'gives back data without the methods of an object': {
    breakIt: (store) => ({
      get: (name) => {
        const record = store.get(name);
        return record?.data && { ...record, data: Object.assign(Object.create(null), record.data) };
      },
    }),
    fails: /^data may have any keys/,
  },
  'keeps the data object that it was given': {
    breakIt: () => {
      const given = new Map<string, TokenRecord>();
      return {
        set: (name, record) => void given.set(name, { ...record }),
        get: (name) => structuredClone(given.get(name)),
      };
    },
    fails: /^an object that the caller changes/,
  },
  'gives its own data object away': {
    breakIt: () => {
      const own = new Map<string, TokenRecord>();
      return {
        set: (name, record) => void own.set(name, structuredClone(record)),
        get: (name) => ({ ...own.get(name) }),
      };
    },
    fails: /^an object that the caller changes/,
  },
  'compares refresh tokens alone': {
    breakIt: (store) => ({
      replace: (name, previous, record) => {
        const stored = store.get(name);
        return stored?.refreshToken === previous && store.replace(name, comparedToken(stored), record);
      },
    }),
    fails: /^a record without a refresh token/,
  },
  'compares access tokens first': {
    breakIt: (store) => ({
      replace: (name, previous, record) => {
        const stored = store.get(name);
        const token = stored?.accessToken ?? stored?.refreshToken;
        return token === previous && store.replace(name, comparedToken(stored), record);
      },
    }),
    fails: /^a record without a refresh token/,
  },
  'takes a record without a refresh token for none': {
    breakIt: (store) => ({
      replace: (name, previous, record) => {
        const stored = store.get(name);
        return store.replace(name, previous === stored?.refreshToken ? comparedToken(stored) : previous, record);
      },
    }),
    fails: /^a record without a refresh token/,
  },
  'overwrites a record without a refresh token, and says that it has not': {
    breakIt: (store) => ({
      replace: (name, previous, record) => {
        if (store.replace(name, previous, record)) return true;
        if (!store.get(name)?.refreshToken) store.set(name, record);
        return false;
      },
    }),
    fails: /^a record without a refresh token/,
  },
  'lists only records with a refresh token': {
    breakIt: (store) => ({ list: () => store.list().filter((name) => store.get(name)?.refreshToken) }),
    fails: /^a record without a refresh token/,
  },
  'cuts names at 255 characters': {
    breakIt: (store) => ({
      get: (name) => store.get(name.slice(0, 255)),
      set: (name, record) => store.set(name.slice(0, 255), record),
    }),
    fails: /^names that differ/,
  },
  'returns null for a name without a record': {
    breakIt: (store) => ({ get: (name) => store.get(name) ?? (null as never) }),
    fails: /^a record is read back with every field/,
  },
  'gives back fields without a value': {
    breakIt: (store) => ({ get: (name) => ({ accessToken: undefined, ...store.get(name) }) as never }),
    fails: /^a field that is left out or undefined/,
  },
  'takes an empty string for none': {
    breakIt: (store) => ({ set: (name, record) => store.set(name, withoutValues(record, '')) }),
    fails: /^zero and the empty string/,
  },
  'takes zero for none': {
    breakIt: (store) => ({ set: (name, record) => store.set(name, withoutValues(record, 0)) }),
    fails: /^zero and the empty string/,
  },
  'adds no field to a record that is there': {
    breakIt: (store) => ({
      set: (name, record) => {
        const fields = Object.keys(store.get(name) ?? record);
        store.set(name, Object.fromEntries(fields.map((field) => [field, Reflect.get(record, field)])) as never);
      },
    }),
    fails: /^set writes the whole record/,
  },
  'keeps the object that it was given': {
    breakIt: () => {
      const given = new Map<string, TokenRecord>();
      return { set: (name, record) => void given.set(name, record), get: (name) => structuredClone(given.get(name)) };
    },
    fails: /^an object that the caller changes/,
  },
  'gives its own object away': {
    breakIt: () => {
      const own = new Map<string, TokenRecord>();
      return { set: (name, record) => void own.set(name, { ...record }), get: (name) => own.get(name) };
    },
    fails: /^an object that the caller changes/,
  },
  'ends a token at its first NUL': {
    breakIt: (store) => ({
      set: (name, record) => store.set(name, { ...record, refreshToken: `${record.refreshToken?.split('\0')[0]}` }),
    }),
    fails: /^tokens of any length/,
  },
  'says that it has replaced what it has not': {
    breakIt: (store) => ({ replace: (...all) => store.replace(...all) || true }),
    fails: /^replace returns false and changes nothing/,
  },
  'replaces another token and says that it has not': {
    breakIt: (store) => ({ replace: async (name, _previous, record) => (await store.set(name, record)) === null }),
    fails: /^replace returns false and changes nothing/,
  },
  'takes an empty previous token for any': {
    breakIt: (store) => ({ replace: replacesAnyIf(store, (previous) => previous === '') }),
    fails: /^replace returns false and changes nothing/,
  },
  'replaces any record if no previous token is given': {
    breakIt: (store) => ({ replace: replacesAnyIf(store, (previous) => previous === undefined) }),
    fails: /^replace returns false and changes nothing/,
  },
  'writes nothing if no previous token is given': {
    breakIt: (store) => ({
      replace: (name, previous, record) => previous !== undefined && store.replace(name, previous, record),
    }),
    fails: /^replace returns false and changes nothing/,
  },
  'compares with the record that was deleted': {
    breakIt: (store) => {
      let deleted: string | undefined;
      return {
        delete: (name) => {
          deleted = store.get(name)?.refreshToken;
          return store.delete(name);
        },
        replace: replacesAnyIf(store, (previous) => previous === deleted),
      };
    },
    fails: /^replace returns false and changes nothing/,
  },
  'brings a deleted record back and says that it has not': {
    breakIt: (store) => ({ replace: async (name, _previous, record) => (await store.set(name, record)) === null }),
    fails: /^replace returns false and changes nothing/,
  },
  'says that it has deleted what was not there': {
    breakIt: (store) => ({ delete: (name) => store.delete(name) || true }),
    fails: /^delete returns true/,
  },
  'does not say that it has deleted a record': {
    breakIt: (store) => ({ delete: (name) => store.delete(name) && false }),
    fails: /^delete returns true/,
  },
  'says that it has deleted what it has not': {
    breakIt: () => {
      const deleted = new Set<string>();
      return { delete: (name) => deleted.size < deleted.add(name).size };
    },
    fails: /^delete returns true/,
  },
  'deletes all records': {
    breakIt: (store) => ({
      delete: (name) => store.list().includes(name) && store.list().every((each) => store.delete(each)),
    }),
    fails: /^delete returns true/,
  },
  'lists what it has deleted': {
    breakIt: (store) => {
      const names = new Set<string>();
      return {
        set: (name, record) => {
          names.add(name);
          store.set(name, record);
        },
        list: () => [...names].sort(),
      };
    },
    fails: /^list returns/,
  },
  'lists a name of its own while it is empty': {
    breakIt: (store) => ({ list: () => (store.list().length === 0 ? ['settings'] : store.list()) }),
    fails: /^list returns/,
  },
  'shares no records with another process': {
    breakIt: () => ({}),
    other: () => new WatchedStore(),
    fails: /^another store reads/,
  },
};

function withoutExtra(record: TokenRecord): TokenRecord {
  if (typeof record !== 'object' || record === null) return record;
  const { extra: _extra, ...rest } = record as TokenRecord & { extra?: unknown };
  return rest;
}

function withoutLongData(record: TokenRecord): TokenRecord {
  return JSON.stringify(record.data ?? {}).length > 32_768 ? without(record, 'data') : record;
}

function withAssignedKeys({ data }: TokenRecord): Record<string, string> {
  const copy: Record<string, string> = {};
  for (const [key, value] of Object.entries(data ?? {})) copy[key] = value;
  return copy;
}

function withoutValues(record: TokenRecord, value: unknown): TokenRecord {
  return Object.fromEntries(Object.entries(record).filter(([, each]) => each !== value)) as never;
}

/** Does not compare if `isAny` holds of the previous token. */
function replacesAnyIf(store: WatchedStore, isAny: (previous?: string) => boolean) {
  return (name: string, previous: string | undefined, record: TokenRecord): boolean => {
    const stored = comparedToken(store.get(name));
    return store.replace(name, isAny(previous) ? stored : previous, record);
  };
}
