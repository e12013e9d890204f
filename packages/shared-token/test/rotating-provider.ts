import type { RefreshContext, TokenResponse } from '../src/index.ts';

/** An error of the token endpoint (RFC 6749 section 5.2), as a program that uses plain `fetch` would throw it. */
export class TokenEndpointError extends Error {
  readonly error: string;
  readonly retryAfter?: number;

  constructor(error: string, retryAfter?: number) {
    super(`The provider answered ${error}`);
    this.error = error;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
  }
}

/**
 * A strict provider without HTTP: a refresh token is good for one refresh, and its reuse ends the sign-in (RFC 9700
 * section 4.14.2).
 */
export class RotatingProvider {
  /** Seconds, of the access tokens issued from now on. */
  expiresIn: number | string | undefined = 3600;
  /** Merged into each response. */
  extra: Partial<TokenResponse> = {};
  /** How many refresh requests it got. */
  refreshes = 0;
  /** Thrown at the next refresh requests, in this order. The refresh token is not spent. */
  readonly failures: unknown[] = [];
  /** A refresh request waits for this before it is answered. */
  gate: Promise<unknown> = Promise.resolve();
  readonly #grants = new Map<string, { newest: string }>();
  #issued = 0;

  /** What a person gets who signs in. */
  readonly signIn = async (): Promise<TokenResponse> => this.#issue({ newest: '' });

  /** The `refresh` of a SharedToken. It does not look at the signal: the request has been sent. */
  readonly refresh = async (
    { refreshToken }: { refreshToken: string },
    _context?: RefreshContext,
  ): Promise<TokenResponse> => {
    this.refreshes++;
    if (this.failures.length > 0) throw this.failures.shift();
    const grant = this.#grants.get(refreshToken);
    const isNewest = grant?.newest === refreshToken;
    const response = grant && isNewest ? this.#issue(grant) : undefined;
    if (grant && !response) this.#revoke(grant);
    await this.gate;
    if (!response) throw new TokenEndpointError('invalid_grant');
    return response;
  };

  /** Whether the refresh token would be accepted. */
  accepts(refreshToken: string | undefined): boolean {
    return refreshToken !== undefined && this.#grants.get(refreshToken)?.newest === refreshToken;
  }

  #revoke(grant: { newest: string }): void {
    for (const [token, known] of this.#grants) if (known === grant) this.#grants.delete(token);
  }

  #issue(grant: { newest: string }): TokenResponse {
    const number = ++this.#issued;
    grant.newest = `refresh-token-${number}`;
    this.#grants.set(grant.newest, grant);
    const expires = this.expiresIn === undefined ? {} : { expires_in: this.expiresIn };
    return { access_token: `access-token-${number}`, refresh_token: grant.newest, ...expires, ...this.extra };
  }
}
