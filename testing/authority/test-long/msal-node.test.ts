import { CryptoProvider, InteractionRequiredAuthError, PublicClientApplication } from '@azure/msal-node';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { approveDevice, signInAs, startAuthority } from '../src/index.ts';
import { microsoft, networkClientFor } from '../src/msal-network-client.ts';
import { openLoopback } from '../test/loopback.ts';

const scopes = ['https://graph.microsoft.com/Files.ReadWrite.All', 'User.Read'];
const authority = await startAuthority({ deviceInterval: 0 });
test.after(() => authority.close());

test('msal-node signs in with a code and PKCE, by form_post, as at Microsoft', async () => {
  const app = newApp();
  const result = await signIn(app);
  assert.is(result.tokenType, 'Bearer');
  assert.equal(result.scopes, scopes);
  assert.is(result.account?.username, 'ada@example.com');
  assert.is(result.account?.name, 'Ada');
  assert.is(result.account?.tenantId, '9188040d-6c67-4c5b-b112-36a304b66dad');
  assert.match(result.account?.homeAccountId ?? '', /^00000000-0000-0000-.+\.9188040d-6c67-4c5b-b112-36a304b66dad$/);
  const me = await fetch(`${authority.graphUrl}/me`, { headers: { authorization: `Bearer ${result.accessToken}` } });
  assert.is(me.status, 200);
});

test('acquireTokenSilent answers from its cache; with forceRefresh it refreshes, and the refresh token rotates', async () => {
  const app = newApp();
  const { account, accessToken } = await signIn(app);
  assert.ok(account);
  const before = authority.count('token');
  const cached = await app.acquireTokenSilent({ account, scopes });
  assert.is(cached.accessToken, accessToken);
  assert.is(authority.count('token'), before);
  for (let round = 0; round < 2; round += 1) {
    const fresh = await app.acquireTokenSilent({ account, scopes, forceRefresh: true });
    assert.is.not(fresh.accessToken, accessToken);
  }
  assert.is(authority.count('token'), before + 2);
});

test('for a revoked grant and for more scopes msal-node throws InteractionRequiredAuthError', async () => {
  const app = newApp();
  const { account } = await signIn(app);
  assert.ok(account);
  const wider = await refusal(app.acquireTokenSilent({ account, scopes: [...scopes, 'Mail.Read'] }));
  assert.is(wider.subError, 'consent_required');
  await authority.revokeAll();
  const revoked = await refusal(app.acquireTokenSilent({ account, scopes, forceRefresh: true }));
  assert.is(revoked.subError, 'bad_token');
  assert.match(revoked.errorMessage, 'AADSTS50173');
});

test('msal-node signs in by device code', async () => {
  const result = await newApp().acquireTokenByDeviceCode({
    scopes,
    timeout: 20,
    deviceCodeCallback: ({ verificationUri, userCode }) => void approveDevice(verificationUri, userCode),
  });
  assert.is(result?.account?.username, 'someone@example.com');
});

async function signIn(app: PublicClientApplication) {
  await using loopback = await openLoopback();
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const request = { scopes, redirectUri: loopback.redirectUri };
  const url = await app.getAuthCodeUrl({
    ...request,
    responseMode: 'form_post',
    codeChallenge: challenge,
    codeChallengeMethod: 'S256',
    state: 'the-state',
    loginHint: 'ada@example.com',
  });
  await signInAs(url.replace(microsoft, authority.origin));
  const { params } = await loopback.answer();
  assert.is(params.get('state'), 'the-state');
  return app.acquireTokenByCode({ ...request, code: params.get('code') ?? '', codeVerifier: verifier });
}

function newApp(): PublicClientApplication {
  return new PublicClientApplication({
    auth: { clientId: authority.clientId, authority: `${microsoft}/consumers` },
    system: { networkClient: networkClientFor(authority) },
  });
}

async function refusal(promise: Promise<unknown>): Promise<InteractionRequiredAuthError> {
  const error = await promise.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof InteractionRequiredAuthError) return error;
  throw error;
}

test.run();
