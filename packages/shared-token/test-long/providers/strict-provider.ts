import { generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';
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
    signIn: async () => ({
      access_token: 'not-used',
      expires_in: 0,
      refresh_token: await issueRefreshToken(provider, client.clientId),
    }),
    refreshes: () => refreshes,
    async isRevoked() {
      return revoked > 0;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** It takes a while to make one. */
let signingKey: Promise<KeyObject> | undefined;

async function makeSigningKey(): Promise<KeyObject> {
  return (await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })).privateKey;
}

async function createProvider(
  issuer: string,
  { clientId, clientSecret }: { clientId: string; clientSecret: string },
): Promise<Provider> {
  signingKey ??= makeSigningKey();
  const privateKey = await signingKey;
  return new Provider(issuer, {
    adapter: memoryAdapter(),
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
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
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

/** Keeps what the provider issued, for one provider. */
function memoryAdapter(): (model: string) => Adapter {
  const models = new Map<string, Map<string, AdapterPayload>>();
  return (model) => {
    const entries = models.get(model) ?? new Map<string, AdapterPayload>();
    models.set(model, entries);
    const find = async (match: (payload: AdapterPayload) => boolean): Promise<AdapterPayload | undefined> =>
      [...entries.values()].find(match);
    return {
      upsert: async (id, payload) => void entries.set(id, payload),
      find: async (id) => entries.get(id),
      findByUid: (uid) => find((payload) => payload.uid === uid),
      findByUserCode: (userCode) => find((payload) => payload.userCode === userCode),
      consume: async (id) => void Object.assign(entries.get(id) ?? {}, { consumed: Math.floor(Date.now() / 1000) }),
      destroy: async (id) => void entries.delete(id),
      revokeByGrantId: async (grantId) => {
        for (const [id, payload] of entries) if (payload.grantId === grantId) entries.delete(id);
      },
    };
  };
}
