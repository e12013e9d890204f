/**
 * One process that wants tokens: `node get-token-process.ts JSON`. It prints `ready`, waits for the end of stdin, asks
 * `calls` times at once, and prints a JSON line for each: `{token}` or `{code}`.
 *
 * With `alone` it does what a program without shared-token does: it reads the store, refreshes, and writes.
 */
import { SharedToken } from 'shared-token';
import { openTokenStore } from 'token-store-sqlite';
import type { ProviderSettings } from './test-provider.ts';

export interface ProcessSettings {
  readonly library: 'openid-client' | 'oauth4webapi' | 'fetch';
  readonly provider: ProviderSettings;
  readonly file: string;
  readonly calls: number;
  readonly alone?: boolean;
}

const { library, provider, file, calls, alone }: ProcessSettings = JSON.parse(process.argv[2] ?? '');
const { issuer, tokenEndpoint, clientId, clientSecret } = provider;
// Only the library that is used is loaded.
const { createRefresh } = await {
  'openid-client': () => import('../../examples/openid-client.ts'),
  oauth4webapi: () => import('../../examples/oauth4webapi.ts'),
  fetch: () => import('../../examples/fetch.ts'),
}[library]();
const refresh = createRefresh(library === 'fetch' ? tokenEndpoint : issuer, clientId, clientSecret);
using store = openTokenStore(file);
await using shared = new SharedToken({ store, name: 'my-app', clientId, authority: issuer, refresh });

const record = store.get('my-app');
async function getTokenAlone(): Promise<string> {
  if (!record) throw new Error('nothing is stored');
  if (record.accessToken && (record.expiresAt ?? 0) > Date.now()) return record.accessToken;
  const response = await refresh(record, { signal: AbortSignal.timeout(30_000) });
  const expiresAt = Date.now() + 1000 * Number(response.expires_in);
  const { access_token: accessToken, refresh_token: refreshToken = record.refreshToken } = response;
  store.set('my-app', { ...record, refreshToken, accessToken, expiresAt });
  return accessToken;
}

console.log('ready');
for await (const _ of process.stdin);
const getToken = alone ? getTokenAlone : async () => (await shared.getToken()).accessToken;
await Promise.all(
  Array.from({ length: alone ? 1 : calls }, () =>
    getToken().then(
      (token) => console.log(JSON.stringify({ token })),
      (error) => console.log(JSON.stringify({ code: error.code, error: error.error ?? error.cause?.error })),
    ),
  ),
);
