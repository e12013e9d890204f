import type { TokenResponse } from 'shared-token';

/** What is read of an authorization server's metadata (RFC 8414). The rest goes back to the SDK as it came. */
export interface ServerMetadata {
  readonly issuer: string;
  readonly authorization_response_iss_parameter_supported?: unknown;
}

/** What a server asks for with a 401 or 403. */
export interface Challenge {
  scope?: string | undefined;
  resourceMetadataUrl?: URL | undefined;
  error?: string | undefined;
}

/**
 * The functions that are taken of the SDK: the module `@modelcontextprotocol/sdk/client/auth.js` (1.x) and
 * `@modelcontextprotocol/client` (2.x) have them all. The types are wider than those of the SDKs, so that both fit.
 */
export interface McpSdk {
  auth(provider: object, options: object): Promise<string>;
  exchangeAuthorization(issuer: string, request: object): Promise<TokenResponse>;
  refreshAuthorization(issuer: string, request: object): Promise<TokenResponse>;
  discoverAuthorizationServerMetadata(issuer: string, options: object): Promise<ServerMetadata | undefined>;
  discoverOAuthProtectedResourceMetadata(
    serverUrl: URL,
    options: object,
    fetchFn: (url: string | URL, init?: RequestInit) => Promise<Response>,
  ): Promise<{ authorization_servers?: readonly string[] | undefined }>;
  extractWWWAuthenticateParams(response: Response): Challenge;
}
