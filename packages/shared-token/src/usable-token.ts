import type { TokenRecord } from 'token-store-kit';
import type { AccessToken } from './token-response.ts';

/** A token that was obtained this far in the future is still taken: the clocks of two machines differ a little. */
export const clockToleranceMs = 30_000;

/** Whose records count. A property that is undefined accepts every record. */
export interface Ownership {
  readonly clientId?: string | undefined;
  readonly authority?: string | undefined;
}

/** Whether a record is of this client and authority. A record that names none counts as ours. */
export function isOurs(record: TokenRecord, { clientId, authority }: Ownership): boolean {
  const { clientId: storedClientId, authority: storedAuthority } = record;
  if (clientId !== undefined && storedClientId !== undefined && storedClientId !== clientId) return false;
  return (
    authority === undefined || storedAuthority === undefined || comparable(storedAuthority) === comparable(authority)
  );
}

/** How long an access token has to be valid, in milliseconds, if the provider's tokens live long enough. */
export interface Validity {
  readonly skew: number;
  /** How long before that a refresh ahead is due. */
  readonly ahead?: number | undefined;
  readonly minValid?: number | undefined;
}

/** Of a token's life, the skew is at most this share: a token of one minute is not refreshed at each call. */
const longestSkewShare = 0.1;

/**
 * How long a token of that lifetime has to be valid. What only a token of the last moments would fulfil counts as half of the life, or
 * each call would refresh. Without a lifetime, the record does not say when its token was obtained: all of it counts.
 */
export function neededTime({ skew, ahead = 0, minValid = 0 }: Validity, lifetime = Number.POSITIVE_INFINITY): number {
  const needed = Math.max(Math.min(skew, lifetime * longestSkewShare) + ahead, minValid);
  return needed > lifetime * (1 - longestSkewShare) ? lifetime / 2 : needed;
}

/** The access token of a record, if it is valid for long enough and `accepts` agrees. */
export function usableToken<Tokens extends Partial<TokenRecord>>(
  record: Tokens | undefined,
  accepts: (record: Tokens) => boolean,
  validity: Validity,
): AccessToken | undefined {
  const now = Date.now();
  const { accessToken, expiresAt, obtainedAt }: Partial<TokenRecord> = record ?? {};
  if (!record || accessToken === undefined || expiresAt === undefined) return undefined;
  const lifetime = obtainedAt === undefined ? undefined : expiresAt - obtainedAt;
  if (expiresAt - neededTime(validity, lifetime) <= now) return undefined;
  // Obtained in the future: the clock was set back, so when the token expires is unknown.
  if ((obtainedAt ?? now) > now + clockToleranceMs || !accepts(record)) return undefined;
  return { accessToken, expiresAt, obtainedAt: obtainedAt ?? now };
}

/** Two spellings of one authority differ in case or in slashes at the end. */
function comparable(authority: string): string {
  return authority.replace(/\/+$/, '').toLowerCase();
}
