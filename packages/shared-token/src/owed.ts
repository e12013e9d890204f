import { comparedToken, type TokenRecord } from 'token-store-kit';

/** A change that the store has not made yet: `record` replaces `before`. If `before` is undefined, nothing was stored. */
export interface Change {
  readonly before: TokenRecord | undefined;
  readonly record: TokenRecord;
}

/**
 * Whether a record is older than the change. Its content decides, never the time when it was read. If the provider does not rotate its
 * refresh tokens, both have the same one, and the access tokens decide.
 */
export function isBefore(record: TokenRecord | undefined, { before, record: next }: Change): boolean {
  const isRefresh = next.signedInAt === before?.signedInAt;
  if (record && !isRefresh && isOfEarlierSignIn(record, before, next)) return true;
  if (comparedToken(record) !== comparedToken(before)) return false;
  if (!record || comparedToken(record) !== comparedToken(next)) return true;
  return record.accessToken === before?.accessToken || (record.obtainedAt ?? 0) < (next.obtainedAt ?? 0);
}

/**
 * Whether the new sign-in `next` replaces a record other than `before`: a refresh of `before`, or an earlier sign-in by another process.
 * Records without `signedInAt` count as one sign-in. Otherwise, a refresh of `before` would win over `next`.
 */
function isOfEarlierSignIn({ signedInAt }: TokenRecord, before: TokenRecord | undefined, next: TokenRecord): boolean {
  if (before && signedInAt === before.signedInAt) return true;
  return signedInAt !== undefined && next.signedInAt !== undefined && signedInAt < next.signedInAt;
}

/** The record after all changes that are newer. */
export function applyChanges(record: TokenRecord | undefined, changes: readonly Change[]): TokenRecord | undefined {
  let newest = record;
  for (const change of changes) if (isBefore(newest, change)) newest = change.record;
  return newest;
}
