/** umask.ts PATH UMASK: sets the umask, then calls everything that writes a file. */
import { openTokenStore } from '../../src/index.ts';

const [path = '', umask = ''] = process.argv.slice(2);
process.umask(Number.parseInt(umask, 8));
using store = openTokenStore(path);
store.set('app', { refreshToken: 'r1' });
store.replace('app', 'r1', { refreshToken: 'r2' });
await store.exclusively('app', async () => {
  await store.exclusively('app', async () => {}, { timeout: 0 }).catch(() => {});
});
