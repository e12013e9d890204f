import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storeContract } from '../src/contract.ts';
import { openTokenStore, type SqliteTokenStore } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const key = new Uint8Array(32).fill(7);
const kinds: Record<string, { key?: Uint8Array }> = { 'a SQLite store': {}, 'an encrypted SQLite store': { key } };

for (const [kind, options] of Object.entries(kinds)) {
  const test = suite(`Of ${kind}`);
  const cases = storeContract<SqliteTokenStore>({
    open: () => openTokenStore(join(temporaryDirectory(), 'tokens.db'), options),
    share: (store) => openTokenStore(store.path, options),
    close: (store) => {
      store.close();
      assert.equal(readdirSync(join(store.path, '..')), ['tokens.db'], 'a file is left behind');
    },
  });
  for (const { name, run } of cases) test(name, run);
  test.run();
}

const memory = suite('Of a store in memory');
const memoryCases = storeContract({ open: () => new MemoryStore() });
for (const { name, run } of memoryCases) memory(name, run);
memory.run();

/** Each breaks one promise. A contract that lets one of them pass does not say what it seems to say. */
const broken: Record<string, { breakIt: (store: MemoryStore) => Partial<MemoryStore>; fails: RegExp }> = {
  'keeps fields of the record before': {
    breakIt: (store) => ({
      set: async (name, record) => store.set(name, { ...(await store.get(name)), ...record }),
    }),
    fails: /^set writes the whole record/,
  },
  'replaces without comparing': {
    breakIt: (store) => ({
      replace: async (name, _previous, record) => {
        await store.set(name, record);
        return true;
      },
    }),
    fails: /^of many that replace/,
  },
  'compares and writes in two steps': {
    breakIt: (store) => ({
      replace: async (name, previous, record) => {
        if ((await store.get(name))?.refreshToken !== previous) return false;
        await store.set(name, record);
        return true;
      },
    }),
    fails: /^of many that replace/,
  },
  'folds the case of names': {
    breakIt: (store) => ({
      get: (name) => store.get(name.toLowerCase()),
      set: (name, record) => store.set(name.toLowerCase(), record),
    }),
    fails: /^app names that differ/,
  },
  'lists in the order of writing': {
    breakIt: (store) => ({ list: async () => (await store.list()).reverse() }),
    fails: /^list has/,
  },
  'locks nothing': {
    breakIt: () => ({ exclusively: async (_name, task) => task() }),
    fails: /^exclusively runs the tasks of one name one after the other/,
  },
  'has one lock for all names': {
    breakIt: (store) => ({
      exclusively: (_name, task, options) => store.exclusively('all', task, options),
    }),
    fails: /^exclusively does not let other names wait/,
  },
};

const contract = suite('The contract');
for (const [defect, { breakIt, fails }] of Object.entries(broken)) {
  contract(`catches a store that ${defect}`, async () => {
    const cases = storeContract({
      open: () => {
        const store = new MemoryStore();
        const methods = breakIt(new MemoryStore());
        return Object.assign(store, methods);
      },
    });
    const { run } = cases.find(({ name }) => fails.test(name)) ?? (assert.unreachable(`no case ${fails}`) as never);
    let caught: unknown;
    await run().catch((error: unknown) => {
      caught = error;
    });
    assert.ok(caught, `"${defect}" passed ${fails}`);
  });
}
contract.run();
