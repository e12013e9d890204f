import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storeContract } from '../src/contract.ts';
import type { TokenStore } from '../src/index.ts';
import { brokenChanged } from './broken-stores/changed.ts';
import { brokenLocks } from './broken-stores/exclusively.ts';
import { brokenRecords } from './broken-stores/records.ts';
import { LateStore } from './late-store.ts';
import { MemoryStore } from './memory-store.ts';
import { WatchedStore } from './watched-store.ts';

const kinds = {
  'a store in memory': MemoryStore,
  'a store in memory that tells of changes': WatchedStore,
  'a store whose answers are late': LateStore,
};
for (const [kind, Store] of Object.entries(kinds)) {
  const test = suite(`Of ${kind}`);
  const cases = storeContract<TokenStore>({ open: () => new Store(), share: (store) => store });
  for (const { name, run } of cases) test(name, run);
  test.run();
}

/** If the contract lets one of them pass, it does not test what it says. */
const broken = [...brokenRecords, ...brokenLocks, ...brokenChanged];
const defects = broken.flatMap(({ fails, stores }) =>
  Object.entries(stores).map(([defect, breakIt]) => ({ fails, defect, breakIt })),
);

/** The case that `fails` names, for this store. */
function runCase(fails: RegExp, store: TokenStore, other = store): Promise<void> {
  const cases = storeContract({ open: () => store, share: () => other });
  const found = cases.find(({ name }) => fails.test(name));
  return found ? found.run() : Promise.reject(new Error(`no case ${fails}`));
}

const contract = suite('The contract');
for (const { fails, defect, breakIt } of defects) {
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
  const { other, ...changed } = breakIt(store);
  const outcome = runCase(fails, { ...methods, ...changed }, other).then(
    () => 'passed',
    (error: unknown) => error,
  );
  contract(`catches a store that ${defect}`, async () => {
    assert.is.not(await outcome, 'passed');
    await runCase(fails, new WatchedStore());
  });
}

contract('has no sentence that no store breaks', () => {
  const cases = storeContract({ open: () => new MemoryStore(), share: (store) => store });
  const unbroken = cases.filter(({ name }) => !broken.some(({ fails }) => fails.test(name)));
  assert.equal(
    unbroken.map(({ name }) => name),
    [],
  );
});

contract('closes every store, also after a case that fails', async () => {
  const stores = new Set<unknown>();
  const open = (): MemoryStore => {
    const store = new MemoryStore();
    stores.add(store);
    return store;
  };
  const close = async (store: TokenStore): Promise<void> => {
    await delay(5);
    stores.delete(store);
  };
  const cases = storeContract({ open: async () => open(), share: open, close });
  const share = () => Promise.reject(new Error('not shared'));
  const unshared = storeContract({ open, share, close });
  const outcomes = await Promise.allSettled(
    [...cases, ...unshared].filter(({ name }) => /another store/.test(name)).map(({ run }) => run()),
  );
  assert.ok(outcomes.some(({ status }) => status === 'rejected'));
  assert.is(stores.size, 0);
});

contract('says what a case has found, also if the store cannot be closed after that', async () => {
  const close = () => Promise.reject(new Error('not closed'));
  const cases = storeContract({ open: () => Object.assign(new MemoryStore(), { list: () => ['wrong'] }), close });
  const failureOf = async (part: RegExp): Promise<string> => {
    const failed = cases.find(({ name }) => part.test(name))?.run();
    return Promise.resolve(failed).then(() => 'none', String);
  };
  assert.match(await failureOf(/^names that differ/), 'wrong');
  assert.match(await failureOf(/^a record is read back/), 'not closed');
});

contract('refuses an option that it does not know', () => {
  const options = { open: () => new MemoryStore(), shared: () => new MemoryStore() };
  assert.throws(() => storeContract(options), /^.*shared/);
});

contract('leaves out the cases of two stores if there is no second one', () => {
  const alone = storeContract({ open: () => new MemoryStore() });
  const shared = storeContract({ open: () => new MemoryStore(), share: (store) => store });
  assert.is(shared.length - alone.length, 3);
});
contract.run();
