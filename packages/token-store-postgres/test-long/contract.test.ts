import * as assert from 'node:assert/strict';
import { storeContract, storeProcessContract } from 'token-store-kit/contract';
import type { PostgresTokenStore, PostgresTokenStoreOptions } from '../src/index.ts';
import { startScene } from '../test/scene.ts';

const { scene, together: test } = await startScene({}, ['initdb', 'postgres', 'pgbouncer']);

let strictRole: Promise<unknown> | undefined;
const key = new Uint8Array(32).fill(7);
const kinds: Record<string, () => Promise<PostgresTokenStoreOptions>> = {
  'through pgbouncer in transaction mode': async () => ({
    connectionString: (await scene.bouncer()).connectionString(),
  }),
  'with a key, through pgbouncer': async () => ({ key, connectionString: (await scene.bouncer()).connectionString() }),
  'of a role whose transactions are serializable': async () => {
    strictRole ??= scene.cluster.query(
      "CREATE ROLE strict SUPERUSER LOGIN; ALTER ROLE strict SET default_transaction_isolation = 'serializable'",
    );
    await strictRole;
    return { connectionString: scene.cluster.connectionString({ user: 'strict' }) };
  },
};

for (const [kind, options] of Object.entries(kinds)) {
  const opened = new Map<PostgresTokenStore, PostgresTokenStoreOptions>();
  const cases = storeContract<PostgresTokenStore>({
    open: async () => {
      const used = { ...(await options()), schema: scene.newSchema() };
      const store = await scene.open(used);
      opened.set(store, used);
      return store;
    },
    share: (store) => scene.open(opened.get(store)),
    close: (store) => store.close(),
  });
  for (const { name, run } of cases) test(`Of a store ${kind}: ${name}`, run);
}

// On a busy machine a process may stand still for a second.
const leaseTime = 2_000;
const module = new URL('../test/programs/open-store.ts', import.meta.url);
const newPlace = async () => {
  const connectionString = (await scene.bouncer()).connectionString();
  return JSON.stringify({ connectionString, schema: scene.newSchema(), leaseTime });
};
const cases = storeProcessContract({ module, newPlace, leaseTime, rounds: 3 });
for (const { name, run } of cases) test(`Of processes through pgbouncer: ${name}`, run);

test('without its lock the store does not pass the contract for processes', async () => {
  const unlocked = new URL('../test/programs/open-unlocked-store.ts', import.meta.url);
  const [first] = storeProcessContract({ module: unlocked, newPlace, leaseTime, rounds: 5 });
  await assert.rejects(async () => first?.run(), /without its lock|was not told/);
});

test.run();
