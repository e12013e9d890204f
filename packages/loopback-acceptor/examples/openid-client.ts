import { openAcceptor } from 'loopback-acceptor';
import * as client from 'openid-client';

/** Signs in with openid-client, which does every step of the protocol except the wait for the browser. */
export async function signIn(
  config: client.Configuration,
  scope: string,
  openBrowser: (url: string) => unknown,
): Promise<client.TokenEndpointResponse & client.TokenEndpointResponseHelpers> {
  const state = client.randomState();
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const acceptor = await openAcceptor({ state });
  // As a URL it ends with a slash. openid-client takes the redirect URI of the token request from the answer's address, which
  // has that slash, and it has to be the same in both requests.
  const redirectUri = new URL(acceptor.redirectUri);
  const tokens = acceptor.accept(({ params }) => {
    const answer = new URL(`?${params}`, redirectUri);
    return client.authorizationCodeGrant(config, answer, { pkceCodeVerifier, expectedState: state });
  });
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri.href,
    scope,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  });
  openBrowser(url.href);
  return tokens;
}
