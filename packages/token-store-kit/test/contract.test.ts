import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storeContract } from '../src/contract.ts';
import type { TokenRecord, TokenStore } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';
import { WatchedStore } from './watched-store.ts';

const kinds = { 'a store in memory': MemoryStore, 'a store in memory that tells of changes': WatchedStore };
for (const [kind, Store] of Object.entries(kinds)) {
  const test = suite(`Of ${kind}`);
  const cases = storeContract<MemoryStore>({ open: () => new Store(), share: (store) => store });
  for (const { name, run } of cases) test(name, run);
  test.run();
}

const without = (record: TokenRecord, field: keyof TokenRecord): TokenRecord => {
  const { [field]: _, ...rest } = record;
  return rest as TokenRecord;
};

/** Each breaks one promise. If the contract lets one of them pass, it does not test what it says. */
const broken: Record<string, { breakIt: (store: WatchedStore) => Partial<TokenStore>; fails: RegExp }> = {
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
    fails: /^replace keeps no field/,
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
  'locks nothing': {
    breakIt: () => ({ exclusively: async (_name, task) => task({ signal: new AbortController().signal }) }),
    fails: /^exclusively runs the tasks of one name one after the other/,
  },
  'has one lock for all names': {
    breakIt: (store) => ({
      exclusively: (_name, task, options) => store.exclusively('all', task, options),
    }),
    fails: /^exclusively makes no other name wait/,
  },
  'gives its tasks no lock': {
    breakIt: (store) => ({
      exclusively: (name, task, options) => store.exclusively(name, () => task(undefined as never), options),
    }),
    fails: /^exclusively gives its task a lock/,
  },
  'gives its tasks a lock that is lost already': {
    breakIt: (store) => ({
      exclusively: (name, task, options) =>
        store.exclusively(name, () => task({ signal: AbortSignal.abort() }), options),
    }),
    fails: /^exclusively gives its task a lock/,
  },
  'wakes no caller after a deletion': {
    breakIt: (store) => ({ delete: (name) => MemoryStore.prototype.delete.call(store, name) }),
    fails: /^changed, if the store has it, resolves soon after another caller/,
  },
  'wakes no caller after a write of another store': {
    breakIt: () => ({ changed: (_name, { signal }) => delay(600_000, undefined, { signal }) }),
    fails: /^changed, if the store has it, resolves soon after another store/,
  },
  'says all the time that something may have changed': {
    breakIt: () => ({ changed: async () => {} }),
    fails: /^changed, if the store has it, waits while nothing changes/,
  },
  'waits longer than it should for a change': {
    breakIt: (store) => ({
      changed: (name, { timeout, signal }) => store.changed(name, { timeout: timeout + 2_100, signal }),
    }),
    fails: /^changed, if the store has it, resolves at its timeout/,
  },
  'does not hear the abort of a wait for a change': {
    breakIt: (store) => ({ changed: (name, { timeout }) => store.changed(name, { timeout: Math.min(timeout, 50) }) }),
    fails: /^changed, if the store has it, rejects with the reason of an abort/,
  },
  'takes any timeout of a wait for a change': {
    breakIt: (store) => ({ changed: (name, { timeout }) => store.changed(name, { timeout: timeout || 0 }) }),
    fails: /^changed, if the store has it, refuses a timeout/,
  },
};

/** The case that `fails` names, for this store. */
function runCase(fails: RegExp, store: TokenStore): Promise<void> {
  const cases = storeContract({ open: () => store, share: () => store });
  const found = cases.find(({ name }) => fails.test(name));
  return found ? found.run() : Promise.reject(new Error(`no case ${fails}`));
}

const contract = suite('The contract');
for (const [defect, { breakIt, fails }] of Object.entries(broken)) {
  const store = new WatchedStore();
  const methods: TokenStore = {
    get: (name) => store.get(name),
    set: (name, record) => store.set(name, record),
    replace: (name, previous, record) => store.replace(name, previous, record),
    delete: (name) => store.delete(name),
    list: () => store.list(),
    exclusively: (name, task, options) => store.exclusively(name, task, options),
    changed: (name, options) => store.changed(name, options),
  };
  // All at once, because some need seconds to see that nothing happens.
  const outcome = runCase(fails, { ...methods, ...breakIt(store) }).then(
    () => 'passed',
    (error: unknown) => error,
  );
  contract(`catches a store that ${defect}`, async () => {
    assert.is.not(await outcome, 'passed');
    await runCase(fails, new WatchedStore());
  });
}

contract('leaves out the cases of two stores if there is no second one', () => {
  const alone = storeContract({ open: () => new MemoryStore() });
  const shared = storeContract({ open: () => new MemoryStore(), share: (store) => store });
  assert.is(shared.length - alone.length, 3);
});
contract.run();
