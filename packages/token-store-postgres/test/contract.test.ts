import * as assert from 'node:assert/strict';
import { storeContract } from 'token-store-kit/contract';
import type { PostgresTokenStore } from '../src/index.ts';
import { startScene } from './scene.ts';

const { scene, together: test } = await startScene();

const schemas = new Map<PostgresTokenStore, string>();
const cases = storeContract<PostgresTokenStore>({
  open: async () => {
    const schema = scene.newSchema();
    const store = await scene.open({ schema });
    schemas.set(store, schema);
    return store;
  },
  share: (store) => scene.open({ schema: schemas.get(store) }),
  close: (store) => store.close(),
});
// test-long/contract.test.ts has other kinds, and the contract for processes.
for (const { name, run } of cases) test(`Of a store directly connected: ${name}`, run);

test('every method names the argument that it refuses, and is refused when the store is closed', async () => {
  const store = await scene.open();
  const record = { refreshToken: 'refresh-1' };
  const calls: ((name: string) => Promise<unknown>)[] = [
    (name) => store.get(name),
    (name) => store.set(name, record),
    (name) => store.replace(name, undefined, record),
    (name) => store.delete(name),
    (name) => store.exclusively(name, async () => 'ran'),
    (name) => store.changed(name, { timeout: 0 }),
  ];
  for (const call of calls) await assert.rejects(call(5 as never), /^TypeError: name must be a string/);
  await assert.rejects(store.replace('app', 5 as never, record), /^TypeError: previous must be a string/);
  await store.close();
  const refused = { code: 'STORE_OPEN', reason: 'closed' };
  for (const call of [...calls, () => store.list(), () => store.rekey(undefined)])
    await assert.rejects(call('app'), refused);
});

test.run();
