/** Its task cannot write what it has, because the database is away. Does not close its store, and ends. */
import { setTimeout as delay } from 'node:timers/promises';
import { openPostgresTokenStore } from '../../src/index.ts';

const store = await openPostgresTokenStore(JSON.parse(process.argv[2] ?? '{}'));
await store.exclusively('app', async () => {
  console.log('held');
  await delay(2_000);
  await store.set('app', { refreshToken: 'first' }).catch(() => {});
});
console.log('done');
