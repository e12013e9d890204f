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
// test-long/contract.test.ts has other kinds.
for (const { name, run } of cases) test(`Of a store directly connected: ${name}`, run);

test.run();
