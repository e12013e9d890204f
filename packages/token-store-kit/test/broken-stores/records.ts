import { comparedToken, type TokenRecord, type TokenStore } from '../../src/index.ts';
import { WatchedStore } from '../watched-store.ts';
import { type BrokenStores, breaking } from './broken-stores.ts';

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

export const brokenRecords: readonly BrokenStores[] = [
  breaking(/^a record is read back/, {
    'keeps fields of the record before': (store) => ({
      set: async (name, record) => store.set(name, { ...store.get(name), ...record }),
    }),
    'adds no field to a record that is there': (store) => ({
      set: (name, record) => {
        const fields = Object.keys(store.get(name) ?? record);
        store.set(name, Object.fromEntries(fields.map((field) => [field, Reflect.get(record, field)])) as never);
      },
    }),
    'does not know when the refresh token expires': (store) => ({
      set: (name, record) => store.set(name, without(record, 'refreshExpiresAt')),
    }),
    'does not know when the person signed in': (store) => ({
      set: (name, record) => store.set(name, without(record, 'signedInAt')),
    }),
    'does not know when the refresh token was refused': (store) => ({
      set: (name, record) => store.set(name, without(record, 'refusedAt')),
    }),
    'does not know why the refresh token was refused': (store) => ({
      set: (name, record) => store.set(name, without(record, 'refusedBecause')),
    }),
    'does not know what else belongs to the sign-in': (store) => ({
      set: (name, record) => store.set(name, without(record, 'data')),
    }),
    'returns null for a name without a record': (store) => ({ get: (name) => store.get(name) ?? (null as never) }),
    'takes an empty string for none': (store) => ({
      set: (name, record) => store.set(name, withoutValues(record, '')),
    }),
    'keeps a time in seconds': (store) => ({
      set: (name, { signedInAt, ...others }) =>
        store.set(name, { ...others, signedInAt: signedInAt && Math.floor(signedInAt / 1_000) * 1_000 }),
    }),
    'takes zero for none': (store) => ({ set: (name, record) => store.set(name, withoutValues(record, 0)) }),
    'takes an empty string of a new name for none': (store) => ({
      set: (name, record) => store.set(name, store.get(name) ? record : withoutValues(record, '')),
    }),
    'ends a token at its first NUL': (store) => ({
      set: (name, record) => store.set(name, { ...record, refreshToken: `${record.refreshToken?.split('\0')[0]}` }),
    }),
  }),
  breaking(/^replace writes the whole record/, {
    'keeps fields of the record that it replaces': (store) => ({
      replace: (name, previous, record) => store.replace(name, previous, { ...store.get(name), ...record }),
    }),
  }),
  breaking(/^of many callers that replace/, {
    'replaces without comparing': (store) => ({
      replace: async (name, _previous, record) => {
        store.set(name, record);
        return true;
      },
    }),
    'compares and writes in two steps': (store) => ({
      replace: async (name, previous, record) => {
        if ((await store.get(name))?.refreshToken !== previous) return false;
        store.set(name, record);
        return true;
      },
    }),
    'lets one caller win, and stores the record of another': (store) => ({
      replace: async (name, previous, record) => {
        if (store.replace(name, previous, record)) return true;
        store.set(name, record);
        return false;
      },
    }),
  }),
  breaking(/^names that differ/, {
    'folds the case of names': (store) => ({
      get: (name) => store.get(name.toLowerCase()),
      set: (name, record) => store.set(name.toLowerCase(), record),
    }),
    'reads names without their case': (store) => ({ get: (name) => store.get(name.toLowerCase()) }),
    'cuts names at 255 characters': (store) => ({
      get: (name) => store.get(name.slice(0, 255)),
      set: (name, record) => store.set(name.slice(0, 255), record),
    }),
  }),
  breaking(/and list returns all/, {
    'lists in the order of writing': (store) => ({ list: () => store.list().reverse() }),
    'lists what it has deleted': (store) => {
      const names = new Set<string>();
      return {
        set: (name, record) => {
          names.add(name);
          store.set(name, record);
        },
        list: () => [...names].sort(),
      };
    },
    'lists a name of its own while it is empty': (store) => ({
      list: () => (store.list().length === 0 ? ['settings'] : store.list()),
    }),
  }),
  breaking(/^set and replace refuse a wrong record/, {
    'accepts an empty refresh token': (store) => acceptsWhat(store, (record) => record?.refreshToken === ''),
    'accepts a field of a wrong type': (store) => acceptsWhat(store, (record) => typeof record?.expiresAt === 'string'),
    'accepts half a surrogate pair in a token': (store) =>
      acceptsWhat(store, (record) => !`${record?.accessToken}`.isWellFormed()),
    'accepts null in data': (store) =>
      acceptsWhat(store, (record) => Reflect.get(record?.data ?? {}, 'issuer') === null),
    'accepts a record that is no object': (store) => acceptsWhat(store, (record) => typeof record !== 'object'),
    'refuses a wrong record with another error': (store) => ({
      set: async (name, record) => {
        if (record?.refreshToken === '') throw new Error('the refresh token is empty');
        store.set(name, record);
      },
    }),
    'deletes the stored record before it refuses a wrong one': (store) => ({
      set: (name, record) => {
        store.delete(name);
        store.set(name, record);
      },
    }),
    'drops a field that no record has when it sets a record': (store) => ({
      set: (name, record) => store.set(name, withoutExtra(record)),
    }),
    'drops a field that no record has when it replaces a record': (store) => ({
      replace: (name, previous, record) => store.replace(name, previous, withoutExtra(record)),
    }),
  }),
  breaking(/^a name that is not a string/, {
    'makes a string of any name': (store) => ({
      get: (name) => store.get(`${name}`),
      set: (name, record) => store.set(`${name}`, record),
    }),
    'finds nothing under a name that is not a string': (store) => ({
      get: (name) => (typeof name === 'string' ? store.get(name) : undefined),
    }),
    'writes nothing under a name that is not a string': (store) => ({
      set: (name, record) => {
        if (typeof name === 'string') store.set(name, record);
      },
    }),
    'replaces nothing under a name that is not a string': (store) => ({
      replace: (name, ...rest) => typeof name === 'string' && store.replace(name, ...rest),
    }),
    'deletes nothing under a name that is not a string': (store) => ({
      delete: (name) => typeof name === 'string' && store.delete(name),
    }),
    'locks a name that is not a string': (store) => ({
      exclusively: (name, task, options) => store.exclusively(`${name}`, task, options),
    }),
    'makes a string of any name when it replaces': (store) => ({
      replace: (name, previous, record) => store.replace(`${name}`, previous, record),
    }),
  }),
  breaking(/half a surrogate pair/, {
    'writes names as UTF-8, in which two broken names are one': (store) => ({
      set: (name, record) => store.set(`${name}`.toWellFormed(), record),
    }),
    'replaces under a broken name': (store) => ({
      replace: (name, ...rest) => store.replace(`${name}`.toWellFormed(), ...rest),
    }),
  }),
  breaking(/^data has at most/, {
    'writes a record without data that is too long': (store) => ({
      set: (name, record) => store.set(name, withoutLongData(record)),
    }),
    'replaces a record without data that is too long': (store) => ({
      replace: (name, previous, record) => store.replace(name, previous, withoutLongData(record)),
    }),
  }),
  breaking(/^data may have any keys/, {
    'loses a key of data that objects have': (store) => ({
      set: (name, record) => store.set(name, { ...record, data: withAssignedKeys(record) }),
    }),
    'loses it when it replaces a record': (store) => ({
      replace: (name, previous, record) => store.replace(name, previous, { ...record, data: withAssignedKeys(record) }),
    }),
    'gives back data without the methods of an object': (store) => ({
      get: (name) => {
        const record = store.get(name);
        return record?.data && { ...record, data: Object.assign(Object.create(null), record.data) };
      },
    }),
  }),
  breaking(/^an object that the caller changes/, {
    'keeps the data object that it was given': () => {
      const given = new Map<string, TokenRecord>();
      return {
        set: (name, record) => void given.set(name, { ...record }),
        get: (name) => structuredClone(given.get(name)),
      };
    },
    'gives its own data object away': () => {
      const own = new Map<string, TokenRecord>();
      return {
        set: (name, record) => void own.set(name, structuredClone(record)),
        get: (name) => ({ ...own.get(name) }),
      };
    },
    'keeps the object that it was given': () => {
      const given = new Map<string, TokenRecord>();
      return { set: (name, record) => void given.set(name, record), get: (name) => structuredClone(given.get(name)) };
    },
    'gives its own object away': () => {
      const own = new Map<string, TokenRecord>();
      return { set: (name, record) => void own.set(name, { ...record }), get: (name) => own.get(name) };
    },
  }),
  breaking(/^a record without a refresh token/, {
    'compares refresh tokens alone': (store) => ({
      replace: (name, previous, record) => {
        const stored = store.get(name);
        return stored?.refreshToken === previous && store.replace(name, comparedToken(stored), record);
      },
    }),
    'compares access tokens first': (store) => ({
      replace: (name, previous, record) => {
        const stored = store.get(name);
        const token = stored?.accessToken ?? stored?.refreshToken;
        return token === previous && store.replace(name, comparedToken(stored), record);
      },
    }),
    'takes a record without a refresh token for none': (store) => ({
      replace: (name, previous, record) => {
        const stored = store.get(name);
        return store.replace(name, previous === stored?.refreshToken ? comparedToken(stored) : previous, record);
      },
    }),
    'overwrites a record without a refresh token, and says that it has not': (store) => ({
      replace: (name, previous, record) => {
        if (store.replace(name, previous, record)) return true;
        if (!store.get(name)?.refreshToken) store.set(name, record);
        return false;
      },
    }),
    'lists only records with a refresh token': (store) => ({
      list: () => store.list().filter((name) => store.get(name)?.refreshToken),
    }),
  }),
  breaking(/without any other field/, {
    'gives back fields without a value': (store) => ({
      get: (name) => ({ accessToken: undefined, ...store.get(name) }) as never,
    }),
  }),
  breaking(/^replace writes the whole record/, {
    'says that it has replaced what it has not': (store) => ({ replace: (...all) => store.replace(...all) || true }),
    'replaces another token and says that it has not': (store) => ({
      replace: async (name, _previous, record) => (await store.set(name, record)) === null,
    }),
    'takes an empty previous token for any': (store) => ({
      replace: replacesAnyIf(store, (previous) => previous === ''),
    }),
    'replaces any record if no previous token is given': (store) => ({
      replace: replacesAnyIf(store, (previous) => previous === undefined),
    }),
    'writes nothing if no previous token is given': (store) => ({
      replace: (name, previous, record) => previous !== undefined && store.replace(name, previous, record),
    }),
    'compares with the record that was deleted': (store) => {
      let deleted: string | undefined;
      return {
        delete: (name) => {
          deleted = store.get(name)?.refreshToken;
          return store.delete(name);
        },
        replace: replacesAnyIf(store, (previous) => previous === deleted),
      };
    },
    'brings a deleted record back and says that it has not': (store) => ({
      replace: async (name, _previous, record) => (await store.set(name, record)) === null,
    }),
  }),
  breaking(/^delete returns true/, {
    'says that it has deleted what was not there': (store) => ({ delete: (name) => store.delete(name) || true }),
    'does not say that it has deleted a record': (store) => ({ delete: (name) => store.delete(name) && false }),
    'says that it has deleted what it has not': () => {
      const deleted = new Set<string>();
      return { delete: (name) => deleted.size < deleted.add(name).size };
    },
    'deletes all records': (store) => ({
      delete: (name) => store.list().includes(name) && store.list().every((each) => store.delete(each)),
    }),
  }),
  breaking(/^another store reads/, {
    'shares no records with another process': () => ({ other: new WatchedStore() }),
  }),
];

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
