/** Opens a store, and when it is told so, closes it while a long call is under way. */
import { once } from 'node:events';
import { openPostgresTokenStore } from '../../src/index.ts';

const store = await openPostgresTokenStore(JSON.parse(process.argv[2] ?? '{}'));
console.log('opened');
await once(process.stdin, 'data');
process.stdin.destroy();
store.rekey(new Uint8Array(32)).catch(({ reason }) => console.log(reason));
await store.close();
