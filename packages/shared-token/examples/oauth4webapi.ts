import * as oauth from 'oauth4webapi';
import type { SharedTokenOptions } from 'shared-token';

/** The `refresh` of a SharedToken, made with oauth4webapi. */
export function createRefresh(issuer: string, clientId: string, clientSecret?: string): SharedTokenOptions['refresh'] {
  const client = { client_id: clientId };
  const authentication = clientSecret === undefined ? oauth.None() : oauth.ClientSecretPost(clientSecret);
  const insecure = { [oauth.allowInsecureRequests]: issuer.startsWith('http://127.0.0.1:') };
  let server: oauth.AuthorizationServer | undefined;
  return async ({ refreshToken }, { signal }) => {
    // Only the process that refreshes needs the provider's metadata.
    server ??= await discover(new URL(issuer), { ...insecure, signal });
    const options = { ...insecure, signal };
    const response = await oauth.refreshTokenGrantRequest(server, client, authentication, refreshToken, options);
    return oauth.processRefreshTokenResponse(server, client, response);
  };
}

async function discover(issuer: URL, options: oauth.DiscoveryRequestOptions): Promise<oauth.AuthorizationServer> {
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
}
