/**
 * One process that wants tokens. For each line of JSON on stdin it opens what the line names, and prints `ready`. At the next line it
 * asks `calls` times at once, prints a JSON line for each call, `{token}` or `{code}`, and then `done`.
 *
 * With `alone` it does what a program without shared-token does: it reads the store, refreshes, and writes.
 */
import { createInterface } from 'node:readline';
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

/** A process loads the library that it uses. */
const examples = {
  'openid-client': () => import('../../examples/openid-client.ts'),
  oauth4webapi: () => import('../../examples/oauth4webapi.ts'),
  fetch: () => import('../../examples/fetch.ts'),
};

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function run({ library, provider, file, calls, alone }: ProcessSettings): Promise<void> {
  const { issuer, tokenEndpoint, clientId, clientSecret } = provider;
  const { createRefresh } = await examples[library]();
  const refresh = createRefresh(library === 'fetch' ? tokenEndpoint : issuer, clientId, clientSecret);
  using store = openTokenStore(file);
  await using shared = new SharedToken({ store, name: 'my-app', clientId, authority: issuer, refresh });
  const record = store.get('my-app');
  const getTokenAlone = async (): Promise<string> => {
    if (!record?.refreshToken) throw new Error('nothing is stored');
    if (record.accessToken && (record.expiresAt ?? 0) > Date.now()) return record.accessToken;
    const response = await refresh(
      { ...record, refreshToken: record.refreshToken },
      { signal: AbortSignal.timeout(30_000) },
    );
    const expiresAt = Date.now() + 1000 * Number(response.expires_in);
    const { access_token: accessToken, refresh_token: refreshToken = record.refreshToken } = response;
    store.set('my-app', { ...record, refreshToken, accessToken, expiresAt });
    return accessToken;
  };
  console.log('ready');
  await lines.next();
  const getToken = alone ? getTokenAlone : async () => (await shared.getToken()).accessToken;
  await Promise.all(
    Array.from({ length: alone ? 1 : calls }, () =>
      getToken().then(
        (token) => console.log(JSON.stringify({ token })),
        (error) => console.log(JSON.stringify({ code: error.code, error: error.error ?? error.cause?.error })),
      ),
    ),
  );
}

for (let line = await lines.next(); !line.done; line = await lines.next()) {
  await run(JSON.parse(line.value));
  console.log('done');
}
