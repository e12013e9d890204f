/** Uses a store, does not close it, and ends. */
import { openPostgresTokenStore } from '../../src/index.ts';

const store = await openPostgresTokenStore(JSON.parse(process.argv[2] ?? '{}'));
await store.set('app', { refreshToken: 'first' });
await store.changed('app', { timeout: 100 });
await store.exclusively('app', () => store.replace('app', 'first', { refreshToken: 'second' }));
console.log('done');
