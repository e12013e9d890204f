/**
 * What is kept of one sign-in. A field that is undefined when it is written is absent when it is read. A store refuses
 * other fields than these.
 * Times are epoch milliseconds. Tokens are opaque strings.
 */
export interface TokenRecord {
  /** RFC 6749 section 1.5. Never empty. */
  refreshToken: string;
  /** RFC 6749 section 1.4. */
  accessToken?: string | undefined;
  /** When the access token expires. */
  expiresAt?: number | undefined;
  /** When the access token was requested. */
  obtainedAt?: number | undefined;
  /** The client that the tokens were issued to (RFC 6749 section 2.2). */
  clientId?: string | undefined;
  /** The provider that issued them, as the caller names it. */
  authority?: string | undefined;
  /** The granted scopes, separated by spaces (RFC 6749 section 3.3). */
  scope?: string | undefined;
  /** OpenID Connect Core section 2. */
  idToken?: string | undefined;
  /** When the refresh token expires, if the provider says so. */
  refreshExpiresAt?: number | undefined;
  /** When the provider refused this refresh token. The next sign-in or refresh that succeeds removes it. */
  refusedAt?: number | undefined;
  /** The provider's error for that refusal (RFC 6749 section 5.2), without secrets. */
  refusedBecause?: string | undefined;
}
