/** write.ts PATH: writes the record of `app`. */
import { openFileTokenStore } from '../../src/index.ts';

using store = openFileTokenStore(process.argv[2] ?? '');
await store.set('app', { refreshToken: 'new' });
