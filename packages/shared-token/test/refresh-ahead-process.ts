/**
 * A program for which a refresh ahead is due: `FOLDER ORIGIN`. It gets its token and works for a moment. At its end, which nothing but the
 * refresh delays, it prints the stored refresh token.
 */
import { join } from 'node:path';
import { SharedToken, type TokenResponse } from 'shared-token';
import { openTokenStore } from 'token-store-sqlite';

const [folder = '', origin = ''] = process.argv.slice(2);
const store = openTokenStore(join(folder, 'tokens.db'));
const expiresAt = Date.now() + 14 * 60_000;
const obtainedAt = expiresAt - 60 * 60_000;
store.set('my-app', { refreshToken: 'refresh-1', accessToken: 'old', expiresAt, obtainedAt });
const shared = new SharedToken({
  store,
  name: 'my-app',
  refreshAhead: 10 * 60_000,
  refresh: async () => (await fetch(origin, { method: 'POST' })).json() as Promise<TokenResponse>,
});
await shared.getToken();
await new Promise((resolve) => setTimeout(resolve, 200));
process.on('exit', () => console.log(store.get('my-app')?.refreshToken));
