/** The database goes away while its task runs, which may have something to write. Does not close its store, and ends. */
import { setTimeout as delay } from 'node:timers/promises';
import { openPostgresTokenStore } from '../../src/index.ts';

const { writes, ...options } = JSON.parse(process.argv[2] ?? '{}');
const store = await openPostgresTokenStore(options);
await store.exclusively('app', async () => {
  console.log('held');
  await delay(2_000);
  if (writes) await store.set('app', { refreshToken: 'first' }).catch(() => {});
});
console.log('done');
