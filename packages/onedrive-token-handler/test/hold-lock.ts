/** Holds the lock of one app name until it is killed: `node hold-lock.ts FILE APP`. Says `ready` once it has it. */
import { openTokenStore } from 'token-store-sqlite';

const [file = '', appName = ''] = process.argv.slice(2);
await openTokenStore(file).exclusively(appName, async () => {
  console.log('ready');
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});
