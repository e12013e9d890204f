/**
 * wait.ts PATH TIMEOUT: waits for a change of the record of `app`. Prints `waits`, then `changed` and how many
 * milliseconds it took.
 */
import { openTokenStore } from '../../src/index.ts';

const [path = '', timeout] = process.argv.slice(2);
const store = openTokenStore(path);
const started = performance.now();
const changed = store.changed('app', { timeout: Number(timeout) });
console.log('waits');
await changed;
console.log(`changed ${performance.now() - started}`);
