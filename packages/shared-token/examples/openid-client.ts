import * as client from 'openid-client';
import type { SharedTokenOptions } from 'shared-token';

/** The `refresh` of a SharedToken, made with openid-client. */
export function createRefresh(issuer: string, clientId: string, clientSecret?: string): SharedTokenOptions['refresh'] {
  let config: client.Configuration | undefined;
  return async ({ refreshToken }) => {
    // Only the process that refreshes needs the provider's metadata.
    config ??= await client.discovery(new URL(issuer), clientId, clientSecret, undefined, {
      execute: issuer.startsWith('http://127.0.0.1:') ? [client.allowInsecureRequests] : [],
    });
    // openid-client takes no signal here: its own `config.timeout` ends the request, after 30 seconds by default.
    return client.refreshTokenGrant(config, refreshToken);
  };
}
