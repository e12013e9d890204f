/** stop-in-write.ts PATH: prints `writes`, and stops this process in the middle of a write. */
import { openFileTokenStore } from '../../src/index.ts';

using store = openFileTokenStore(process.argv[2] ?? '', {
  parse: (text) => JSON.parse(text).records,
  format(records) {
    console.log('writes');
    process.kill(process.pid, 'SIGSTOP');
    return JSON.stringify({ version: 1, records });
  },
});
await store.set('app', { refreshToken: 'new' });
