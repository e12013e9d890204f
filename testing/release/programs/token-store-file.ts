/** Stores a token under a lock, or prints the stored one: `node program write TOKEN`, `node program read`. */
import { openFileTokenStore, type TokenRecord } from 'token-store-file';

const [action, refreshToken = ''] = process.argv.slice(2);
// Node 22 has no `using`.
const store = openFileTokenStore('tokens.json');
if (action === 'write') await store.exclusively('rehearsal', () => store.set('rehearsal', { refreshToken }));
const record: TokenRecord | undefined = store.get('rehearsal');
console.log(record?.refreshToken);
store.close();
