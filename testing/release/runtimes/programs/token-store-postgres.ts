/** Stores a token, or prints the stored one: `node program write TOKEN`, `node program read`. The database: PG* variables. */
import { openPostgresTokenStore, type TokenRecord } from 'token-store-postgres';

const [action, refreshToken = ''] = process.argv.slice(2);
const store = await openPostgresTokenStore({ key: 'a passphrase' });
if (action === 'write') await store.exclusively('rehearsal', () => store.set('rehearsal', { refreshToken }));
const record: TokenRecord | undefined = await store.get('rehearsal');
console.log(record?.refreshToken);
await store.close();
