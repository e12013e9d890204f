/**
 * hold.ts PATH NAME MILLISECONDS [TIMEOUT]: prints `asks`, then `holds` when it has the lock, `done` after that many
 * milliseconds, or the code of the error.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { openTokenStore, TokenStoreError } from '../../src/index.ts';

const [path = '', name = '', milliseconds, timeout = '60000'] = process.argv.slice(2);
using store = openTokenStore(path);
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
