/**
 * What is kept of one sign-in. A field that is undefined when it is written is absent when it is read. A store refuses
 * other fields than these.
 * Times are epoch milliseconds. Tokens are opaque strings.
 */
export interface TokenRecord {
  /** RFC 6749 section 1.5. Never empty. Absent if the provider gave none: then there is an access token. */
  refreshToken?: string | undefined;
  /** RFC 6749 section 1.4. Not empty if there is no refresh token. */
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
  /**
   * When the person signed in: when the provider's answer was exchanged or, if that is unknown, when the person was asked. A refresh keeps
   * this time, so it distinguishes one sign-in from the next. Absent if the program that wrote the record did not know it.
   */
  signedInAt?: number | undefined;
  /** When the provider refused this refresh token. The next sign-in or refresh that succeeds removes it. */
  refusedAt?: number | undefined;
  /** The provider's error for that refusal (RFC 6749 section 5.2), without secrets. */
  refusedBecause?: string | undefined;
  /**
   * Other data of this sign-in, for example a client registration, an issuer or the address of an instance. At most
   * 65,536 bytes as JSON. A store writes, encrypts, replaces and deletes it together with the tokens.
   */
  data?: Readonly<Record<string, string>> | undefined;
}

/**
 * The token by which a record is recognized: its refresh token or, without one, its access token. `replace` of a store
 * compares it with `previous`. Undefined: there is no record.
 */
export function comparedToken(record: TokenRecord | undefined): string | undefined {
  return record?.refreshToken ?? record?.accessToken;
}
