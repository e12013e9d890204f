/**
 * A process that wants a token: `FOLDER ORIGIN killed|waits`. One that is `killed` kills itself when the provider has answered and before
 * the answer is stored. Another one prints `asks`, and then its token.
 */
import { join } from 'node:path';
import { SharedToken, type TokenResponse } from 'shared-token';
import { openTokenStore } from 'token-store-sqlite';

const [folder = '', origin = '', fate = ''] = process.argv.slice(2);
using store = openTokenStore(join(folder, 'tokens.db'));
await using shared = new SharedToken({
  store,
  name: 'my-app',
  async refresh({ refreshToken }) {
    const body = new URLSearchParams({ refresh_token: refreshToken, fate });
    const response = (await (await fetch(origin, { method: 'POST', body })).json()) as TokenResponse;
    if (fate === 'killed') process.kill(process.pid, 'SIGKILL');
    return response;
  },
});
console.log('asks');
console.log((await shared.getToken()).accessToken);
