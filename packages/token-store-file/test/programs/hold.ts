/**
 * hold.ts PATH NAME MILLISECONDS [TIMEOUT]: prints `asks`, then `holds` when it holds the lock, then `done` after that
 * many milliseconds. If it does not get the lock, prints the error's code and process id.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { openFileTokenStore, TokenStoreError } from '../../src/index.ts';

const [path = '', name = '', milliseconds, timeout = '60000'] = process.argv.slice(2);
using store = openFileTokenStore(path);
console.log('asks');
try {
  await store.exclusively(
    name,
    async () => {
      console.log('holds');
      await delay(Number(milliseconds));
    },
    { timeout: Number(timeout) },
  );
  console.log('done');
} catch (error) {
  if (!(error instanceof TokenStoreError)) throw error;
  console.log(`${error.code} ${error.pid}`);
}
