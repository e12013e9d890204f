/** Stores a token, or prints the stored one: `node program write TOKEN`, `node program read`. */
import { openTokenStore, type TokenRecord } from 'token-store-sqlite';

const [action, refreshToken = ''] = process.argv.slice(2);
// Node 22 has no `using`.
const store = openTokenStore('tokens.db', { key: 'a passphrase' });
if (action === 'write') store.set('rehearsal', { refreshToken });
const record: TokenRecord | undefined = store.get('rehearsal');
console.log(record?.refreshToken);
store.close();
