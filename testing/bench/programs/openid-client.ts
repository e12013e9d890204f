import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as client from 'openid-client';
import { runProgram, type Situation, scopes } from './run-program.ts';

const scope = ['openid', 'profile', 'offline_access', ...scopes].join(' ');

await runProgram((situation) => {
  const file = `${situation.folder}/openid-client.json`;
  /** The file that a programmer writes if the library stores nothing: JSON, mode 0600, overwritten. */
  const keep = async (answer: client.TokenEndpointResponse): Promise<string> => {
    const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds = 0 } = answer;
    const kept = { refreshToken, accessToken, expiresAt: Date.now() + seconds * 1000 };
    await writeFile(file, JSON.stringify(kept), { mode: 0o600 });
    return accessToken;
  };
  return {
    async token() {
      const kept = JSON.parse(await readFile(file, 'utf8'));
      if (Date.now() < kept.expiresAt - 300_000) return kept.accessToken;
      return keep(await client.refreshTokenGrant(await discoverFrom(situation), kept.refreshToken, { scope }));
    },
    signIn: async (open) => keep(await signIn(await discoverFrom(situation), open)),
  };
});

function discoverFrom({ authority, clientId }: Situation): Promise<client.Configuration> {
  const execute = [client.allowInsecureRequests];
  return client.discovery(new URL(`${authority}/v2.0`), clientId, undefined, client.None(), { execute });
}

async function signIn(config: client.Configuration, open: (url: string) => void) {
  const server = createServer();
  const answered = Promise.withResolvers<URL>();
  server.on('request', (request, response) => {
    response.setHeader('content-type', 'text/html').end('<title>Signed in</title><p>You can close this window.</p>');
    answered.resolve(new URL(request.url ?? '/', redirectUri));
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const redirectUri = `http://localhost:${(server.address() as AddressInfo).port}/`;
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  });
  open(url.href);
  try {
    const checks = { pkceCodeVerifier, expectedState, expectedNonce };
    return await client.authorizationCodeGrant(config, await answered.promise, checks);
  } finally {
    server.close();
    server.closeIdleConnections();
  }
}
