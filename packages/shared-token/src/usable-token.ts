import type { TokenRecord } from 'token-store-kit';
import type { AccessToken, UsableRecord } from './token-response.ts';

/** A token that was obtained this far in the future is still taken: the clocks of two machines differ a little. */
const clockToleranceMs = 30_000;

/** JSON and Date can hold it, which they can't Infinity. */
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
  /** How long before that a refresh ahead is due. */
  readonly ahead?: number | undefined;
  readonly minValid?: number | undefined;
}

/** Of a token's life, the skew is at most this share: a token of one minute is not refreshed at each call. */
const longestSkewShare = 0.1;

/**
 * How long a token of that lifetime has to be valid. There is no refresh ahead in the first half of its life. What only a token of the
 * last moments would fulfil counts as half of the life, or each call would refresh. Without a lifetime, the record does not say when its
 * token was obtained: all of it counts.
 */
function neededTime({ skew, ahead = 0, minValid = 0 }: Validity, lifetime = Number.POSITIVE_INFINITY): number {
  const early = Math.min(Math.min(skew, lifetime * longestSkewShare) + ahead, lifetime / 2);
  const needed = Math.max(early, minValid);
  return needed > lifetime * (1 - longestSkewShare) ? lifetime / 2 : needed;
}

/** Default: to its very end. */
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
  // A token that cannot be refreshed is of use to its very end.
  if (refreshToken === undefined) return now >= expiresAt;
  if (obtainedAt === undefined) return now >= expiresAt - neededTime(validity);
  // Obtained in the future: the clock was set back, so when the token expires is unknown.
  const isFromFuture = obtainedAt > now + clockToleranceMs;
  return isFromFuture || now >= expiresAt - neededTime(validity, expiresAt - obtainedAt);
}

/** Whether a record is older than the other one: of an earlier sign-in, or obtained earlier. Undefined if their times do not tell. */
export function isOlder({ signedInAt, obtainedAt }: TokenRecord, than: TokenRecord): boolean | undefined {
  const isSameSignIn = signedInAt === than.signedInAt;
  const [one, other] = isSameSignIn ? [obtainedAt, than.obtainedAt] : [signedInAt, than.signedInAt];
  return one === undefined || other === undefined || one === other ? undefined : one < other;
}

/** Whether an API has rejected the access token, and nothing helps. */
export function hasEnded(record: TokenRecord): boolean {
  return record.refusedAt !== undefined && endsByRejection(record);
}

/** Whether the access token has ended if an API rejects it and no refresh helps. Otherwise its expiry counts, too. */
export function endsByRejection({ refreshToken, expiresAt }: TokenRecord): boolean {
  return refreshToken === undefined || expiresAt === undefined;
}

/** What callers get. A token whose expiry is not known has the last time that a Date can hold. */
export function toAccessToken({ accessToken, expiresAt = lastTimeMs, obtainedAt }: UsableRecord): AccessToken {
  return { accessToken, expiresAt, obtainedAt: obtainedAt ?? Date.now() };
}

/** Two spellings of one authority differ in case or in slashes at the end. */
function comparable(authority: string): string {
  return authority.replace(/\/+$/, '').toLowerCase();
}
