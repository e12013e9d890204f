import { fullRecord } from '../../src/contract-cases/records.ts';
import { comparedToken, type TokenRecord, type TokenStore } from '../../src/index.ts';
import { WatchedStore } from '../watched-store.ts';
import { type BrokenStores, breaking, each, withMethods } from './broken-stores.ts';

const without = (record: TokenRecord, field: keyof TokenRecord): TokenRecord => {
  const { [field]: _, ...rest } = record;
  return rest as TokenRecord;
};

/** Writes another record in place of a wrong one that it accepts. */
function acceptsWhat(store: WatchedStore, accepts: (record: TokenRecord) => unknown): Partial<TokenStore> {
  return {
    set: (name, record) => {
      if (!accepts(record)) store.set(name, record);
    },
  };
}

/** Of a record that has a refresh token. */
const optional = (Object.keys(fullRecord) as (keyof TokenRecord)[]).filter((field) => field !== 'refreshToken');
const times = ['expiresAt', 'obtainedAt', 'refreshExpiresAt', 'signedInAt', 'refusedAt'] as const;

function inSeconds(record: TokenRecord, field: (typeof times)[number]): TokenRecord {
  const { [field]: time } = record;
  return time ? { ...record, [field]: time - (time % 1_000) } : record;
}

function isEmpty(value: TokenRecord[keyof TokenRecord]): boolean {
  return !value || JSON.stringify(value) === '{}';
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
    ...each(optional, (field) => [
      `does not know the field ${field}`,
      (store) => ({ set: (name, record) => store.set(name, without(record, field)) }),
    ]),
    ...each(times, (field) => [
      `keeps ${field} in seconds`,
      (store) => ({ set: (name, record) => store.set(name, inSeconds(record, field)) }),
    ]),
    ...each(['expiresAt', 'refusedAt', 'scope', 'refusedBecause', 'data'] as const, (field) => [
      `takes ${field} for none if it is zero or empty`,
      (store) => ({ set: (name, record) => store.set(name, isEmpty(record[field]) ? without(record, field) : record) }),
    ]),
    'returns null for a name without a record': (store) => ({ get: (name) => store.get(name) ?? (null as never) }),
    'takes an empty string of a new name for none': (store) => ({
      set: (name, record) => store.set(name, store.get(name) ? record : withoutValues(record, '')),
    }),
    'keeps fields that are undefined': () => {
      const kept = new Map<string, TokenRecord>();
      return {
        set: (name, record) => void kept.set(name, structuredClone(record)),
        get: (name) => structuredClone(kept.get(name)),
      };
    },
    'takes a text that is JSON for what it says': (store) => ({
      get: (name) => {
        const record = store.get(name);
        if (!record?.data) return record;
        const data = Object.entries(record.data).map(([key, text]) => [key, text[0] === '{' ? JSON.parse(text) : text]);
        return { ...record, data: Object.fromEntries(data) };
      },
    }),
    'refuses a token of more than 10,000 characters': (store) => ({
      set: (name, record) => {
        if (`${record.refreshToken}`.length > 10_000) throw new RangeError('the token is too long');
        store.set(name, record);
      },
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
    'compares and writes in two steps if there is no record': (store) => ({
      replace: async (name, previous, record) => {
        if (previous !== undefined) return store.replace(name, previous, record);
        if (await store.get(name)) return false;
        store.set(name, record);
        return true;
      },
    }),
    'lets each caller win that has seen the token, and stores the record of one': (store) => ({
      replace: async (name, previous, record) => {
        if ((await store.get(name))?.refreshToken !== previous) return false;
        return store.replace(name, previous, record) || true;
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
    'sorts names that are numbers as numbers': (store) => ({
      list: () => store.list().sort((a, b) => a.localeCompare(b, 'en', { numeric: true })),
    }),
    'keeps no record under the empty name': (store) => ({
      set: (name, record) => void (name && store.set(name, record)),
    }),
    'does not say that it has deleted a record with a long name': (store) => ({
      delete: (name) => store.delete(name) && name.length < 1_000,
    }),
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
    'accepts an empty access token alone': (store) => acceptsWhat(store, (record) => record?.accessToken === ''),
    'accepts a record without a token': (store) => acceptsWhat(store, (record) => record && !comparedToken(record)),
    'accepts a record that is null': (store) => acceptsWhat(store, (record) => record === null),
    'accepts a record that is undefined': (store) => acceptsWhat(store, (record) => record === undefined),
    'accepts a record that is a text': (store) => acceptsWhat(store, (record) => typeof record === 'string'),
    'accepts a time that is a text': (store) => acceptsWhat(store, (record) => /^\d/.test(textOf(record?.expiresAt))),
    'accepts data that is JSON': (store) => acceptsWhat(store, (record) => /^\{/.test(textOf(record?.data))),
    'accepts half a surrogate pair in a token': (store) =>
      acceptsWhat(store, (record) => !`${record?.accessToken}`.isWellFormed()),
    'accepts null in data': (store) =>
      acceptsWhat(store, (record) => Reflect.get(record?.data ?? {}, 'issuer') === null),
    'checks no record that replaces another one': (store) => ({
      replace: (name, previous, record) => previous !== undefined || store.replace(name, previous, record),
    }),
    'checks no record that replaces none': (store) => ({
      replace: (name, previous, record) => previous === undefined || store.replace(name, previous, record),
    }),
    'keeps a name whose record it has refused': (store) => {
      const refused = new Set<string>();
      return {
        list: () => [...new Set([...store.list(), ...refused])].sort(),
        replace: (name, previous, record) => {
          refused.add(name);
          return store.replace(name, previous, record);
        },
      };
    },
    'refuses a wrong record with another error': (store) => ({
      set: async (name, record) => {
        if (record?.refreshToken === '') throw new Error('the refresh token is empty');
        store.set(name, record);
      },
    }),
    'changes the stored record before it refuses a wrong one': (store) => ({
      set: (name, record) => {
        store.set(name, { refreshToken: 'refresh-1' });
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
      replace: (name, previous, record) =>
        (typeof name === 'string' || previous === undefined) && store.replace(name, previous, record),
    }),
    'deletes nothing under a name that is not a string': (store) => ({
      delete: (name) => typeof name === 'string' && store.delete(name),
    }),
    'locks a name that is not a string': (store) => ({
      exclusively: (name, task, options) => store.exclusively(`${name}`, task, options),
    }),
    'makes a string of any name when it replaces nothing': (store) => ({
      replace: (name, previous, record) => store.replace(previous === undefined ? `${name}` : name, previous, record),
    }),
    'lists a name that it has refused': (store) => {
      const refused: string[] = [];
      return {
        list: () => refused,
        set: (name, record) => {
          refused.push(name);
          store.set(name, record);
        },
      };
    },
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
    'refuses data of more than 32 KiB': (store) => ({
      set: (name, record) => {
        if (JSON.stringify(record.data).length > 32_000) throw new RangeError('data is too long');
        store.set(name, record);
      },
    }),
    'changes the stored record before it refuses one that is too long': (store) => ({
      replace: (name, previous, record) => {
        store.set(name, { refreshToken: 'refresh-1' });
        return store.replace(name, previous, record);
      },
    }),
    'writes a record without data that is too long': (store) => ({
      set: (name, record) => store.set(name, withoutLongData(record)),
    }),
    'replaces a record without data that is too long': (store) => ({
      replace: (name, previous, record) => store.replace(name, previous, withoutLongData(record)),
    }),
  }),
  breaking(/^data may have any keys/, {
    ...each(['constructor', '', 'a.b', '"\\', '\0', '\ud83d\ude00', '1'], (key) => [
      `loses the key ${JSON.stringify(key)} of data`,
      (store) => ({
        set: (name, record) => {
          const { [key]: _, ...data } = record.data ?? {};
          store.set(name, { ...record, data });
        },
      }),
    ]),
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
        get: async (name) => ({ ...own.get(name) }),
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
    'takes an access token for the refresh token': (store) => ({
      replace: replacesAnyIf(store, (previous) => !!previous && previous === store.get('app')?.accessToken),
    }),
    'takes a record without a refresh token for none': (store) => ({
      replace: (name, previous, record) => {
        const stored = store.get(name);
        return store.replace(name, previous === stored?.refreshToken ? comparedToken(stored) : previous, record);
      },
    }),
    ...each(['access-0', ''], (wrong) => [
      `takes ${JSON.stringify(wrong)} for the access token`,
      (store) => ({ replace: replacesAnyIf(store, (previous) => previous === wrong) }),
    ]),
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
        replace: replacesAnyIf(store, (previous) => previous !== undefined && previous === deleted),
      };
    },
    'brings a deleted record back and says that it has not': (store) => ({
      replace: (name, previous, record) => {
        if (previous === undefined || store.get(name)) return store.replace(name, previous, record);
        store.set(name, record);
        return false;
      },
    }),
    'takes any token for the stored one': (store) => ({
      replace: replacesAnyIf(store, (previous) => Boolean(previous) && store.get('app') !== undefined),
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
    'does not read what another process has written': (store) => ({
      other: withMethods(store, { get: () => undefined }),
    }),
    'compares with what this process has written': (store) => {
      let written: string | undefined;
      return {
        other: store,
        set: (name, record) => {
          written = record.refreshToken;
          store.set(name, record);
        },
        replace: replacesAnyIf(store, (previous) => previous === written),
      };
    },
    'lists what another process has deleted': (store) => ({
      other: withMethods(store, { list: () => ['app'] }),
    }),
  }),
];

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

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
