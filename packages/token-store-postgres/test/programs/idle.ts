/** Uses a store, does not close it, and ends. A wait sets few timers, or it would use the processor all the time. */
import { openPostgresTokenStore } from '../../src/index.ts';

const store = await openPostgresTokenStore(JSON.parse(process.argv[2] ?? '{}'));
await store.set('app', { refreshToken: 'first' });
const { setTimeout } = globalThis;
let timers = 0;
globalThis.setTimeout = Object.assign((...args: Parameters<typeof setTimeout>) => {
  timers++;
  return setTimeout(...args);
}, setTimeout);
await store.changed('app', { timeout: 200 });
globalThis.setTimeout = setTimeout;
await store.exclusively('app', () => store.replace('app', 'first', { refreshToken: 'second' }));
console.log(timers < 30 ? 'done' : `${timers} timers`);
