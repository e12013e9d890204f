/** Holds the lock of `app`, and prints `held`, until it is killed. */
import { setTimeout as delay } from 'node:timers/promises';
import { openPostgresTokenStore } from '../../src/index.ts';

const store = await openPostgresTokenStore(JSON.parse(process.argv[2] ?? '{}'));
await store.exclusively('app', async () => {
  console.log('held');
  await delay(600_000);
});
