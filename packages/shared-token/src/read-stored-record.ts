import type { TokenRecord } from 'token-store-kit';

/** In the order of the kit's `checkRecord`, so that a record that is read and written again gives the same JSON. */
const fields = {
  accessToken: toText,
  expiresAt: toTime,
  obtainedAt: toTime,
  clientId: toText,
  authority: toText,
  scope: toText,
  idToken: toText,
  refreshExpiresAt: toTime,
  refusedAt: toTime,
  refusedBecause: toText,
} satisfies Record<keyof Omit<TokenRecord, 'refreshToken'>, (value: unknown) => unknown>;
const readers = Object.entries(fields);

/**
 * Reads what a store gave. Databases and JSON turn an absent record or field into null or {}, and a time into text.
 * Ignores times that are not numbers.
 */
export function readStoredRecord(found: unknown): TokenRecord | undefined {
  const given: Record<string, unknown> = Object(found);
  const { refreshToken } = given;
  if (typeof refreshToken !== 'string' || refreshToken === '') return undefined;
  const record: Record<string, unknown> & TokenRecord = { refreshToken };
  for (const [field, read] of readers) {
    const value = read(given[field]);
    if (value !== undefined) record[field] = value;
  }
  return record;
}

function toText(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

function toTime(value: unknown): number | undefined {
  const time = typeof value === 'string' || typeof value === 'bigint' ? Number(value) : value;
  return typeof time === 'number' && Number.isFinite(time) ? time : undefined;
}
