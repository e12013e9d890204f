/** Uses each package below the handler once: `program DATABASE`. Prints what it saw, as JSON. */
import { request } from 'node:http';
import { openAcceptor } from 'loopback-acceptor';
import { GraphClient } from 'onedrive-graph';
import { createChallenge, createPkce, createState, isSameState } from 'pkce-state';
import { SharedToken } from 'shared-token';
import { openFileTokenStore } from 'token-store-file';
import { TokenCipher } from 'token-store-kit';
import { openTokenStore } from 'token-store-sqlite';
import { readRecord } from 'token-store-sqlite/read-record';

const [database = ''] = process.argv.slice(2);
const seen: Record<string, unknown> = {};

const pkce = await createPkce();
const state = createState();
seen.pkce = (await createChallenge(pkce.verifier)) === pkce.challenge && isSameState(state, state);

const acceptor = await openAcceptor({ state });
const answer = acceptor.accept();
request(`${acceptor.redirectUri}/?code=the-code&state=${state}`, { agent: false }, (response) =>
  response.resume(),
).end();
seen.acceptor = (await answer).code;
await acceptor.close();

const cipher = new TokenCipher({ key: 'a passphrase', domain: 'runtimes' });
seen.kit = cipher.open('app', cipher.seal('app', { refreshToken: 'sealed' }))?.refreshToken;

const store = openTokenStore(database);
store.set('app', { refreshToken: 'first' });
seen.store = [store.get('app')?.refreshToken, store.replace('app', 'other', { refreshToken: 'x' }), store.list()];
seen.lock = await store.exclusively('app', async ({ signal }) => signal.aborted);
const file = openFileTokenStore(`${database}.json`);
await file.exclusively('app', () => file.set('app', { refreshToken: 'first' }));
const second = { refreshToken: 'second' };
seen.file = [await file.replace('app', 'other', second), await file.replace('app', 'first', second), file.list()];
let refreshes = 0;
const refresh = async () => ({ access_token: `token-${++refreshes}`, refresh_token: 'second', expires_in: 3600 });
const shared = new SharedToken({ store, name: 'app', refresh });
const tokens = await Promise.all([shared.getToken(), shared.getToken()]);
seen.shared = [...tokens.map(({ accessToken }) => accessToken), refreshes, store.get('app')?.refreshToken];
await shared.close();
store.close();
seen.record = readRecord(database, 'app')?.refreshToken;

const graph = new GraphClient({ getToken: async () => 'a-token', fetch: async () => Response.json({ id: 'drive' }) });
seen.graph = await graph.json('/me/drive');
console.log(JSON.stringify(seen));
