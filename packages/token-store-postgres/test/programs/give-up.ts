/** Waits for the lock of `app`, gives up after a while, closes its store, and ends. */
import { openPostgresTokenStore } from '../../src/index.ts';

const store = await openPostgresTokenStore(JSON.parse(process.argv[2] ?? '{}'));
const signal = AbortSignal.timeout(200);
await store.exclusively('app', async () => console.log('acquired'), { signal }).catch(() => {});
await store.close();
console.log('closed');
