import { comparedToken, type TokenRecord } from 'token-store-kit';

/**
 * A change that the store has not made yet: it puts `record` in the place of the one whose `comparedToken` is `replaces`;
 * undefined: of none. Without `record`, that one is deleted.
 */
export interface Change {
  readonly replaces: string | undefined;
  readonly record: TokenRecord | undefined;
}

/**
 * Whether a record is older than the change: what it says tells, never when it was read. If the provider keeps its refresh
 * tokens, both have the same one, and the access tokens tell.
 */
export function isBefore(record: TokenRecord | undefined, change: Change): boolean {
  if (comparedToken(record) !== change.replaces) return false;
  if (!record || !change.record || comparedToken(record) !== comparedToken(change.record)) return true;
  return (record.obtainedAt ?? 0) < (change.record.obtainedAt ?? 0);
}

/** The record after all changes that it is older than. */
export function applyChanges(record: TokenRecord | undefined, changes: readonly Change[]): TokenRecord | undefined {
  let newest = record;
  for (const change of changes) if (isBefore(newest, change)) newest = change.record;
  return newest;
}

/** The deletion of what is stored comes first: what is written after it takes the place of no record. */
export function addChange(changes: readonly Change[], change: Change): readonly Change[] {
  const isOfStored = !change.record && comparedToken(changes.at(-1)?.record) !== change.replaces;
  return isOfStored ? [change, ...changes] : [...changes, change];
}
