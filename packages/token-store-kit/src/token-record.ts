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
   * When the person signed in: when the answer was exchanged, or, if that is not known, when the person was asked. A refresh keeps it,
   * so it tells a sign-in from the next one. Absent if a program wrote the record that does not know it.
   */
  signedInAt?: number | undefined;
  /** When the provider refused this refresh token. The next sign-in or refresh that succeeds removes it. */
  refusedAt?: number | undefined;
  /** The provider's error for that refusal (RFC 6749 section 5.2), without secrets. */
  refusedBecause?: string | undefined;
  /**
   * What else belongs to this sign-in, for example a client registration, an issuer or the address of an instance. At most
   * 65,536 bytes as JSON. A store writes, encrypts, replaces and deletes it together with the tokens.
   */
  data?: Readonly<Record<string, string>> | undefined;
}

/**
 * The token by which a record is recognized: its refresh token, or, if it has none, its access token. That is what `replace`
 * of a store compares with `previous`. Undefined: there is no record.
 */
export function comparedToken(record: TokenRecord | undefined): string | undefined {
  return record?.refreshToken ?? record?.accessToken;
}
