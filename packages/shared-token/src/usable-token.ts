import type { TokenRecord } from 'token-store-kit';

/** An access token and its times, in epoch milliseconds. */
export interface AccessToken {
  readonly accessToken: string;
  /** 8,640,000,000,000,000, the last time that a Date can hold, if the provider does not say when the token expires. */
  readonly expiresAt: number;
  readonly obtainedAt: number;
}

/** A record that has an access token. */
export type UsableRecord = TokenRecord & { readonly accessToken: string };

/** A token that was obtained this far in the future is still taken: the clocks of two machines differ a little. */
const clockToleranceMs = 30_000;

/** Used instead of Infinity, which neither JSON nor Date can hold. */
const lastTimeMs = 8_640_000_000_000_000;

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
  /** How long before the skew a refresh ahead is due. */
  readonly ahead?: number | undefined;
  readonly minValid?: number | undefined;
}

/** The skew is at most this share of a token's life. Otherwise, a token of one minute would be refreshed at each call. */
const longestSkewShare = 0.1;

/**
 * How long a token with this lifetime has to be valid. There is no refresh ahead in the first half of its life. A need that only a new
 * token meets counts as half of the life. Otherwise, each call would refresh. The lifetime is unknown if the record does not say when its
 * token was obtained: then the need counts in full.
 */
function neededTime({ skew, ahead = 0, minValid = 0 }: Validity, lifetime = Number.POSITIVE_INFINITY): number {
  const early = Math.min(Math.min(skew, lifetime * longestSkewShare) + ahead, lifetime / 2);
  const needed = Math.max(early, minValid);
  return needed > lifetime * (1 - longestSkewShare) ? lifetime / 2 : needed;
}

/** The default: valid until it expires. */
const toItsEnd: Validity = { skew: 0 };

/** The record, if its access token is valid for long enough, as far as is known, and `accepts` agrees. */
export function usableRecord(
  record: TokenRecord | undefined,
  accepts: (record: TokenRecord) => boolean,
  validity = toItsEnd,
): UsableRecord | undefined {
  return record && hasAccessToken(record) && !isStale(record, Date.now(), validity) && accepts(record)
    ? record
    : undefined;
}

/** Whether a record has an access token, good or not. A store may have an empty one beside a refresh token. */
export function hasAccessToken(record: TokenRecord): record is UsableRecord {
  return Boolean(record.accessToken);
}

/** Whether the access token of a record has to be replaced at that time, in epoch milliseconds. */
export function isStale(record: TokenRecord, now: number, validity = toItsEnd): boolean {
  const { refreshToken, expiresAt, obtainedAt } = record;
  if (hasEnded(record)) return true;
  if (expiresAt === undefined) return false;
  // A token that cannot be refreshed is used until it expires.
  if (refreshToken === undefined) return now >= expiresAt;
  if (obtainedAt === undefined) return now >= expiresAt - neededTime(validity);
  // Obtained in the future: the clock was set back, so when the token expires is unknown.
  const isFromFuture = obtainedAt > now + clockToleranceMs;
  return isFromFuture || now >= expiresAt - neededTime(validity, expiresAt - obtainedAt);
}

/** Whether the record has the mark of a rejection or refusal that ends its access token. */
export function hasEnded(record: TokenRecord): boolean {
  return record.refusedAt !== undefined && endsByRejection(record);
}

/** Whether the access token has ended if an API rejects it and no refresh helps. Otherwise, its expiry decides. */
export function endsByRejection({ refreshToken, expiresAt }: TokenRecord): boolean {
  return refreshToken === undefined || expiresAt === undefined;
}

/** What callers get. A token whose expiry is not known has the last time that a Date can hold. */
export function toAccessToken({ accessToken, expiresAt = lastTimeMs, obtainedAt }: UsableRecord): AccessToken {
  return { accessToken, expiresAt, obtainedAt: obtainedAt ?? Date.now() };
}

/** Two spellings of one authority may differ in case or in slashes at the end. */
function comparable(authority: string): string {
  return authority.replace(/\/+$/, '').toLowerCase();
}
