import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { MemoryStore } from 'testing-authority/memory-store';
import { signingKey } from 'testing-authority/signing-key';
import type { TestProvider } from './test-provider.ts';

const scope = 'openid offline_access';

/**
 * An OpenID provider of the plain kind, with a confidential client: a refresh token is good for one refresh, and its
 * reuse ends the sign-in at once (RFC 9700 section 4.14.2).
 */
export async function startStrictProvider(): Promise<TestProvider> {
  let serve: RequestListener | undefined;
  const server = createServer((request, response) => serve?.(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = { clientId: 'a-confidential-client', clientSecret: randomBytes(16).toString('hex') };
  const provider = await createProvider(issuer, client);
  serve = provider.callback();
  let [refreshes, revoked] = [0, 0];
  provider.on('grant.success', () => refreshes++);
  provider.on('grant.error', () => refreshes++);
  provider.on('grant.revoked', () => revoked++);
  return {
    settings: { issuer, tokenEndpoint: `${issuer}/token`, ...client },
    signIn: async () => {
      const refresh_token = await issueRefreshToken(provider, client.clientId);
      return { access_token: 'not-used', expires_in: 0, refresh_token };
    },
    refreshes: () => refreshes,
    isRevoked: async () => revoked > 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function createProvider(
  issuer: string,
  { clientId, clientSecret }: { clientId: string; clientSecret: string },
): Promise<Provider> {
  const store = new MemoryStore(0);
  return new Provider(issuer, {
    adapter: (model) => store.adapter(model),
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        token_endpoint_auth_method: 'client_secret_post',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: ['https://app.test/callback'],
      },
    ],
    cookies: { keys: [randomBytes(16).toString('hex')] },
    jwks: { keys: [await signingKey()] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    rotateRefreshToken: true,
  });
}

/** What a person gets who has signed in with the browser, without the browser. */
async function issueRefreshToken(provider: Provider, clientId: string): Promise<string> {
  const accountId = 'ada';
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  const client = await provider.Client.find(clientId);
  if (!client) throw new Error('the client is not registered');
  const issued = {
    accountId,
    client,
    grantId,
    scope,
    claims: {},
    gty: 'authorization_code',
    expiresWithSession: false,
  };
  return new provider.RefreshToken(issued).save();
}
