import { comparedToken, type TokenRecord } from 'token-store-kit';

/** A change that the store has not made yet: it puts `record` in the place of `before`; undefined: of none. */
export interface Change {
  readonly before: TokenRecord | undefined;
  readonly record: TokenRecord;
}

/**
 * Whether a record is older than the change: what it says tells, never when it was read. If the provider keeps its refresh
 * tokens, both have the same one, and the access tokens tell.
 */
export function isBefore(record: TokenRecord | undefined, { before, record: next }: Change): boolean {
  const isRefresh = next.signedInAt === before?.signedInAt;
  if (record && !isRefresh && isOfEarlierSignIn(record, before, next)) return true;
  if (comparedToken(record) !== comparedToken(before)) return false;
  if (!record || comparedToken(record) !== comparedToken(next)) return true;
  return record.accessToken === before?.accessToken || (record.obtainedAt ?? 0) < (next.obtainedAt ?? 0);
}

/**
 * Whether a new sign-in takes its place, although it is not the record that was replaced: refreshes have made it of that, or another
 * process signed in between. Programs that do not say when their person signed in count as of one sign-in: otherwise, a refresh would cost
 * the new one.
 */
function isOfEarlierSignIn({ signedInAt }: TokenRecord, before: TokenRecord | undefined, next: TokenRecord): boolean {
  if (before && signedInAt === before.signedInAt) return true;
  return signedInAt !== undefined && next.signedInAt !== undefined && signedInAt < next.signedInAt;
}

/** The record after all changes that it is older than. */
export function applyChanges(record: TokenRecord | undefined, changes: readonly Change[]): TokenRecord | undefined {
  let newest = record;
  for (const change of changes) if (isBefore(newest, change)) newest = change.record;
  return newest;
}
