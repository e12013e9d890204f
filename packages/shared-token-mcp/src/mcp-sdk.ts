import type { TokenResponse } from 'shared-token';

/** The fields that are read of an authorization server's metadata (RFC 8414). The SDK gets all fields back, unchanged. */
export type ServerMetadata = {
  issuer: string;
  token_endpoint: string;
  authorization_response_iss_parameter_supported?: unknown;
};

/** What a server asks for with a 401 or 403. */
export type Challenge = {
  scope?: string | undefined;
  resourceMetadataUrl?: URL | undefined;
  error?: string | undefined;
};

/**
 * The functions of the SDK that are used here. `@modelcontextprotocol/sdk/client/auth.js` (1.x) and
 * `@modelcontextprotocol/client` (2.x) have them all. The types are wider than those of the SDKs, so that both fit.
 */
export interface McpSdk {
  /** Prepares a sign-in, up to the address for the browser. */
  auth(provider: object, options: object): Promise<string>;
  /** Redeems a code. */
  exchangeAuthorization(issuer: string, request: object): Promise<TokenResponse>;
  /** Redeems a refresh token. */
  refreshAuthorization(issuer: string, request: object): Promise<TokenResponse>;
  /** Reads the metadata of an authorization server (RFC 8414). */
  discoverAuthorizationServerMetadata(issuer: string, options: object): Promise<ServerMetadata | undefined>;
  /** Reads which authorization servers a server has (RFC 9728). */
  discoverOAuthProtectedResourceMetadata(
    serverUrl: URL,
    options: object,
    fetchFn: (url: string | URL, init?: RequestInit) => Promise<Response>,
  ): Promise<{ authorization_servers?: readonly string[] | undefined }>;
  /** Reads the challenge of a 401 or 403. */
  extractWWWAuthenticateParams(response: Response): Challenge;
}
