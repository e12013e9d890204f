/** The path of the authority: personal accounts, as in `https://login.microsoftonline.com/consumers`. */
export const authorityPath = '/consumers';

/** The paths of the endpoints, as at Microsoft, by oidc-provider's names. */
export const endpointPaths = {
  authorization: `${authorityPath}/oauth2/v2.0/authorize`,
  token: `${authorityPath}/oauth2/v2.0/token`,
  device_authorization: `${authorityPath}/oauth2/v2.0/devicecode`,
  code_verification: `${authorityPath}/oauth2/deviceauth`,
  jwks: `${authorityPath}/discovery/v2.0/keys`,
  end_session: `${authorityPath}/oauth2/v2.0/logout`,
};

/** OpenID Connect Discovery 1.0. */
export const discoveryPath = `${authorityPath}/v2.0/.well-known/openid-configuration`;

/** The sign-in and consent pages are below this path. */
export const interactionPath = `${authorityPath}/signin`;

/** Microsoft Graph, version 1.0. */
export const graphPath = '/v1.0';

/** Downloads and uploads, which Microsoft serves from other hosts. */
export const contentPath = '/content';
