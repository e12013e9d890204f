import { PublicClientApplication } from '@azure/msal-node';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { signInAs, startAuthority } from 'testing-authority';
import { microsoft, networkClientFor } from 'testing-authority/msal-network-client';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { signIn as signInWithMsal } from '../examples/msal-node.ts';
import { signIn as signInWithOpenidClient } from '../examples/openid-client.ts';
import { openAcceptor } from '../src/index.ts';

const authority = await startAuthority();
const scope = 'openid profile offline_access https://graph.microsoft.com/Files.ReadWrite.All';
test.after(() => authority.close());

test('the openid-client example signs in', async () => {
  const config = await client.discovery(new URL(authority.issuer), authority.clientId, undefined, client.None(), {
    execute: [client.allowInsecureRequests],
  });
  let page: Promise<{ html: string }> | undefined;
  const signedIn = signInWithOpenidClient(config, scope, (url) => {
    page = signInAs(url, { username: 'ada@example.com' });
  });
  const tokens = await within('the tokens', signedIn);
  assert.is(tokens.claims()?.preferred_username, 'ada@example.com');
  assert.match((await page)?.html ?? '', '<h1>You are signed in</h1>');
  await expectGraph(tokens.access_token);
});

test('oauth4webapi signs in, and validates the parameters of the answer', async () => {
  const issuer = new URL(authority.issuer);
  const insecure = { [oauth.allowInsecureRequests]: true };
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const app = { client_id: authority.clientId };
  const state = oauth.generateRandomState();
  const verifier = oauth.generateRandomCodeVerifier();
  await using acceptor = await openAcceptor({ state });
  const redeemed = acceptor.accept(async ({ params }) => {
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      app,
      oauth.None(),
      oauth.validateAuthResponse(server, app, params, state),
      acceptor.redirectUri,
      verifier,
      insecure,
    );
    return oauth.processAuthorizationCodeResponse(server, app, response);
  });
  const url = new URL(server.authorization_endpoint ?? '');
  url.search = new URLSearchParams({
    client_id: app.client_id,
    redirect_uri: acceptor.redirectUri,
    response_type: 'code',
    scope,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).toString();
  await signInAs(url.href);
  const tokens = await within('the tokens', redeemed);
  assert.ok(tokens.refresh_token);
  await expectGraph(tokens.access_token);
});

test('the msal-node example signs in with getAuthCodeUrl and acquireTokenByCode', async () => {
  const app = new PublicClientApplication({
    auth: { clientId: authority.clientId, authority: `${microsoft}/consumers` },
    system: { networkClient: networkClientFor(authority) },
  });
  let page: Promise<{ html: string }> | undefined;
  const signedIn = signInWithMsal(app, ['User.Read'], (url) => {
    page = signInAs(url.replace(microsoft, authority.origin), { username: 'ada@example.com' });
  });
  const { account, accessToken } = await within('the tokens', signedIn);
  assert.is(account?.username, 'ada@example.com');
  assert.match((await page)?.html ?? '', '<h1>You are signed in</h1>');
  await expectGraph(accessToken);
});

async function expectGraph(accessToken: string): Promise<void> {
  const headers = { authorization: `Bearer ${accessToken}` };
  const me = await fetch(`${authority.graphUrl}/me`, { headers, signal: AbortSignal.timeout(10_000) });
  assert.is(me.status, 200);
}

test.run();
