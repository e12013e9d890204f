/** on-network.ts PATH: uses a store when the system says that every file is on NFS. Prints the outcome of each call. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { TokenStoreError } from '../../src/index.ts';

const { readFileSync } = fs;
fs.readFileSync = ((path: string, ...rest: []) =>
  path === '/proc/self/mountinfo'
    ? '22 1 0:20 / / rw,relatime shared:1 - nfs4 host:/export rw'
    : readFileSync(path, ...rest)) as typeof readFileSync;
syncBuiltinESMExports();
const { openFileTokenStore } = await import('../../src/index.ts');
using store = openFileTokenStore(process.argv[2] ?? '');
const calls: Record<string, () => unknown> = {
  get: () => store.get('app'),
  set: () => store.set('app', { refreshToken: 'new' }),
  exclusively: () => store.exclusively('app', async () => {}),
};
for (const [name, call] of Object.entries(calls)) {
  const outcome = await Promise.resolve()
    .then(call)
    .catch(({ code, reason }: TokenStoreError) => `${code} ${reason}`);
  console.log(name, outcome);
}
