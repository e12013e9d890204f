/**
 * Uses each package below the handler once: `program DATABASE [PACKAGE]`. With PACKAGE, uses only that package, and needs no other. Prints
 * its results as JSON.
 */
import { request } from 'node:http';
import type { TokenRecord, TokenStore } from 'shared-token';
import type { McpSdk } from 'shared-token-mcp';

const [database = '', only] = process.argv.slice(2);

const uses: Record<string, () => Promise<unknown>> = {
  async 'pkce-state'() {
    const { createChallenge, createPkce, createState, isSameState } = await import('pkce-state');
    const [pkce, state] = [await createPkce(), createState()];
    return (await createChallenge(pkce.verifier)) === pkce.challenge && isSameState(state, state);
  },
  async 'loopback-acceptor'() {
    const { openAcceptor } = await import('loopback-acceptor');
    const state = 'a-state-of-this-program';
    const acceptor = await openAcceptor({ state });
    const answer = acceptor.accept();
    const address = `${acceptor.redirectUri}/?code=the-code&state=${state}`;
    request(address, { agent: false }, (response) => response.resume()).end();
    const { code } = await answer;
    await acceptor.close();
    return code;
  },
  async 'token-store-kit'() {
    const { TokenCipher } = await import('token-store-kit');
    const cipher = new TokenCipher({ key: 'a passphrase', domain: 'runtimes' });
    return cipher.open('app', cipher.seal('app', { refreshToken: 'sealed' }))?.refreshToken;
  },
  async 'token-store-sqlite'() {
    const { openTokenStore } = await import('token-store-sqlite');
    const { readRecord } = await import('token-store-sqlite/read-record');
    const store = openTokenStore(database);
    store.set('app', { refreshToken: 'first' });
    const isLost = await store.exclusively('app', async ({ signal }) => signal.aborted);
    const seen = [isLost, store.replace('app', 'other', { refreshToken: 'x' }), store.list()];
    store.close();
    return [...seen, readRecord(database, 'app')?.refreshToken];
  },
  async 'token-store-file'() {
    const { openFileTokenStore } = await import('token-store-file');
    const file = openFileTokenStore(`${database}.json`);
    await file.exclusively('app', () => file.set('app', { refreshToken: 'first' }));
    const second = { refreshToken: 'second' };
    return [await file.replace('app', 'other', second), await file.replace('app', 'first', second), file.list()];
  },
  async 'shared-token'() {
    const { SharedToken } = await import('shared-token');
    let refreshes = 0;
    const refresh = async () => ({ access_token: `token-${++refreshes}`, refresh_token: 'second', expires_in: 3600 });
    const shared = new SharedToken({ store: memoryStore(), name: 'app', refresh });
    const tokens = await Promise.all([shared.getToken(), shared.getToken()]);
    const refreshToken = (await shared.read())?.refreshToken;
    await shared.close();
    return [...tokens.map(({ accessToken }) => accessToken), refreshes, refreshToken];
  },
  async 'shared-token-mcp'() {
    const { createMcpFetch } = await import('shared-token-mcp');
    // No request is made here, so no function of an SDK is called.
    const sdk = new Proxy({}, { get: () => async () => ({}) }) as McpSdk;
    const store = { ...memoryStore(), get: () => ({ refreshToken: 'stored' }) };
    const { shared } = createMcpFetch({ sdk, serverUrl: 'https://mcp.example/mcp', store, openBrowser: console.log });
    const record = await shared.read();
    await shared.close();
    return record?.refreshToken;
  },
  async 'onedrive-graph'() {
    const { GraphClient } = await import('onedrive-graph');
    const graph = new GraphClient({ getToken: () => 'a-token', fetch: async () => Response.json({ id: 'drive' }) });
    return graph.json('/me/drive');
  },
};

/** A store that a user has written. */
function memoryStore(): TokenStore {
  const records = new Map<string, TokenRecord>([['app', { refreshToken: 'first' }]]);
  return {
    get: (name) => records.get(name),
    set: (name, record) => void records.set(name, record),
    replace: (name, previous, record) => records.get(name)?.refreshToken === previous && !!records.set(name, record),
    delete: (name) => records.delete(name),
    list: () => [...records.keys()],
    exclusively: (_name, task) => task({ signal: new AbortController().signal }),
  };
}

const seen: Record<string, unknown> = {};
for (const [name, use] of Object.entries(uses)) if (!only || name === only) seen[name] = await use();
console.log(JSON.stringify(seen));
