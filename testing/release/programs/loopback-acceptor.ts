/** Signs in with openid-client, and waits with loopback-acceptor: `node program ISSUER CLIENT_ID`. Prints the address to open. */
import { openAcceptor } from 'loopback-acceptor';
import * as client from 'openid-client';

const [issuer = '', clientId = ''] = process.argv.slice(2);
const config = await client.discovery(new URL(issuer), clientId, undefined, client.None(), {
  execute: [client.allowInsecureRequests],
});
const state = client.randomState();
const pkceCodeVerifier = client.randomPKCECodeVerifier();
const acceptor = await openAcceptor({ state });
const redirectUri = new URL(acceptor.redirectUri);
const tokens = acceptor.accept(({ params }) =>
  client.authorizationCodeGrant(config, new URL(`?${params}`, redirectUri), { pkceCodeVerifier, expectedState: state }),
);
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri.href,
  scope: 'openid offline_access User.Read',
  state,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
});
console.log(`open ${url}`);
console.log(`token ${(await tokens).access_token}`);
