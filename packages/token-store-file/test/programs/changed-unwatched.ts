/** changed-unwatched.ts PATH: waits for its own write when the system watches no folder. Prints `changed`, or `late` after 5 seconds. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

// As with too many watched files: the limit counts for all processes of a user, so it cannot be reached here.
fs.watch = () => {
  throw Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), { code: 'ENOSPC' });
};
syncBuiltinESMExports();
const { openFileTokenStore } = await import('../../src/index.ts');
using store = openFileTokenStore(process.argv[2] ?? '');
const started = performance.now();
const changed = store.changed('app', { timeout: 5_000 });
await store.set('app', { refreshToken: 'new' });
await changed;
console.log(performance.now() - started < 4_000 ? 'changed' : 'late');
