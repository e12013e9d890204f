/** Prints the token that is stored in a file: `node PROGRAM FILE`. */
import { SharedToken } from 'shared-token';
import { openFileTokenStore } from 'token-store-file';

const store = openFileTokenStore(process.argv[2] ?? '');
const refresh = () => Promise.reject(new Error('the stored token is good'));
const shared = new SharedToken({ store, name: 'app', refresh });
console.log((await shared.getToken()).accessToken);
