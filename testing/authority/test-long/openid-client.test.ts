import * as client from 'openid-client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { approveDevice, signInAs, startAuthority } from '../src/index.ts';
import { openLoopback } from '../test/loopback.ts';

const authority = await startAuthority({ deviceInterval: 1 });
const config = await discover(authority.clientId);
const scope = 'openid profile offline_access https://graph.microsoft.com/Files.ReadWrite.All';
test.after(() => authority.close());

test('discovery finds the endpoints, at the paths of Microsoft', () => {
  const metadata = config.serverMetadata();
  assert.is(metadata.issuer, authority.issuer);
  assert.is(metadata.authorization_endpoint, `${authority.url}/oauth2/v2.0/authorize`);
  assert.is(metadata.token_endpoint, `${authority.url}/oauth2/v2.0/token`);
  assert.is(metadata.device_authorization_endpoint, `${authority.url}/oauth2/v2.0/devicecode`);
  assert.is(metadata.jwks_uri, `${authority.url}/discovery/v2.0/keys`);
  assert.equal(metadata.scopes_supported, ['openid', 'profile', 'email', 'offline_access']);
  assert.is(metadata.authorization_response_iss_parameter_supported, undefined);
});

test('the authorization code flow with PKCE, state and nonce gives tokens, a valid ID token, and access to Graph', async () => {
  const tokens = await signIn();
  assert.is(tokens.token_type, 'bearer');
  assert.is(tokens.expires_in, 3600);
  assert.is(tokens.claims()?.preferred_username, 'someone@example.com');
  assert.ok(tokens.refresh_token);
  const me = await client.fetchProtectedResource(
    config,
    tokens.access_token,
    new URL(`${authority.graphUrl}/me`),
    'GET',
  );
  assert.match(await me.text(), '"userPrincipalName":"someone@example.com"');
});

test('a refresh rotates the token; the old one used again revokes the grant: invalid_grant', async () => {
  const { refresh_token: first = '' } = await signIn();
  const { refresh_token: second = '' } = await client.refreshTokenGrant(config, first, { scope });
  assert.ok(second && second !== first);
  for (const token of [first, second]) {
    const error = await client.refreshTokenGrant(config, token).then(
      () => undefined,
      (reason) => reason,
    );
    assert.instance(error, client.ResponseBodyError);
    assert.is(error.error, 'invalid_grant');
    assert.match(error.error_description ?? '', /^AADSTS70000: /);
  }
});

test('if the user refuses, openid-client reports access_denied', async () => {
  await using loopback = await openLoopback();
  const state = client.randomState();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: loopback.redirectUri,
    scope,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier()),
    code_challenge_method: 'S256',
  });
  await signInAs(url.href, { deny: true });
  const { params } = await loopback.answer();
  const answer = new URL(`${loopback.redirectUri}/?${params}`);
  const error = await client.authorizationCodeGrant(config, answer, { expectedState: state }).then(
    () => undefined,
    (reason) => reason,
  );
  assert.instance(error, client.AuthorizationResponseError);
  assert.is(error.error, 'access_denied');
});

test('device flow: openid-client polls until the user has approved', async () => {
  const device = await client.initiateDeviceAuthorization(config, { scope });
  const polling = client.pollDeviceAuthorizationGrant(config, device, undefined, {
    signal: AbortSignal.timeout(20_000),
  });
  while (authority.count('token', 'urn:ietf:params:oauth:grant-type:device_code') === 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await approveDevice(device.verification_uri, device.user_code);
  const tokens = await polling;
  assert.is(tokens.claims()?.preferred_username, 'someone@example.com');
  assert.ok(tokens.refresh_token);
});

async function signIn() {
  await using loopback = await openLoopback();
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    // With the slash: openid-client redeems the code with the address of the answer, and both have to be equal.
    redirect_uri: `${loopback.redirectUri}/`,
    scope,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  });
  const page = await signInAs(url.href);
  return client.authorizationCodeGrant(config, new URL(page.url), { pkceCodeVerifier, expectedState, expectedNonce });
}

function discover(clientId: string): Promise<client.Configuration> {
  return client.discovery(new URL(authority.issuer), clientId, undefined, client.None(), {
    execute: [client.allowInsecureRequests],
  });
}

test.run();
