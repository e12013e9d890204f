import { storeContract } from 'token-store-kit/contract';
import type { PostgresTokenStore, PostgresTokenStoreOptions } from '../src/index.ts';
import { startScene } from './scene.ts';

const { scene, together: test } = await startScene();

const kinds: Record<string, () => Promise<PostgresTokenStoreOptions>> = {
  'directly connected': async () => ({}),
  'through pgbouncer in transaction mode': async () => ({
    connectionString: (await scene.bouncer()).connectionString(),
  }),
};

for (const [kind, options] of Object.entries(kinds)) {
  const schemas = new Map<PostgresTokenStore, string>();
  const cases = storeContract<PostgresTokenStore>({
    open: async () => {
      const schema = scene.newSchema();
      const store = await scene.open({ ...(await options()), schema });
      schemas.set(store, schema);
      return store;
    },
    share: async (store) => scene.open({ ...(await options()), schema: schemas.get(store) }),
    close: (store) => store.close(),
  });
  for (const { name, run } of cases) test(`Of a store ${kind}: ${name}`, run);
}

test.run();
