/** Refreshes once for two callers, with a store in memory: `node program`. Prints the token and the number of refreshes. */
import { SharedToken, type TokenRecord, type TokenStore } from 'shared-token';

const records = new Map<string, TokenRecord>([['app', { refreshToken: 'first' }]]);
const store: TokenStore = {
  get: (name) => records.get(name),
  set: (name, record) => void records.set(name, record),
  replace(name, previous, record) {
    if (records.get(name)?.refreshToken !== previous) return false;
    records.set(name, record);
    return true;
  },
  delete: (name) => records.delete(name),
  list: () => [...records.keys()].sort(),
  exclusively: (_name, task) => task({ signal: new AbortController().signal }),
};
let refreshes = 0;
const shared = new SharedToken({
  store,
  name: 'app',
  refresh: async () => ({ access_token: `token-${++refreshes}`, refresh_token: 'second', expires_in: 3600 }),
});
const [one, other] = await Promise.all([shared.getToken(), shared.getToken()]);
console.log(one.accessToken === other.accessToken ? `${one.accessToken} ${refreshes}` : 'two tokens');
await shared.close();
