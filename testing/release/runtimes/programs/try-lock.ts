/** Tries to get the lock of `app` in a file of tokens: `program FILE`. Prints `ran`, or why not. */
import { openFileTokenStore } from 'token-store-file';

const store = openFileTokenStore(process.argv[2] ?? '');
const task = store.exclusively('app', async () => 'ran', { timeout: 300 });
console.log(await task.catch(({ code, reason }) => `${code} ${reason}`));
