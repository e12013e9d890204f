import * as assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { TcpProxy } from 'testing-postgres';
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
const proxies = new Map<string, TcpProxy>();
const newPlace = async () => {
  const proxy = scene.closeLater(await TcpProxy.start((await scene.bouncer()).port));
  const connectionString = `postgresql://postgres@127.0.0.1:${proxy.port}/postgres`;
  const place = JSON.stringify({ connectionString, schema: scene.newSchema(), leaseTime });
  proxies.set(place, proxy);
  return place;
};
/** Most answers that are on their way are lost. */
const cut = async (place: string): Promise<void> => {
  const proxy = proxies.get(place) as TcpProxy;
  proxy.refuse();
  await delay(100);
  proxy.heal();
};
const names = 5;
const rounds = Number(process.env.ROUNDS ?? 3);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32);
console.log(`measured: ${3 * names * rounds} histories of 200 calls, SEED=${seed} ROUNDS=${rounds}`);
const cases = storeProcessContract({ module, newPlace, cut, leaseTime, names, rounds, seed });
for (const { name, run } of cases) test(`Of processes through pgbouncer: ${name}`, run);

test('without its lock the store does not pass the contract for processes', async () => {
  const unlocked = new URL('../test/programs/open-unlocked-store.ts', import.meta.url);
  const [first] = storeProcessContract({ module: unlocked, newPlace, leaseTime, rounds: 5 });
  // Which of its calls are the first that no order explains depends on the moment.
  await assert.rejects(async () => first?.run(), /without its lock|did not report it|an update was lost/);
});

test.run();
