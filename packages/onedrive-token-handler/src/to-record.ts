import type { TokenRecord } from './token-store.ts';

/** In the order in which records are written: a store that keeps them as JSON gets back what it gave. */
const fields = {
  accessToken: toText,
  expiresAt: toTime,
  obtainedAt: toTime,
  clientId: toText,
  authority: toText,
  scope: toText,
  idToken: toText,
};

/**
 * The record that a store gave. One of the user's own may give null, or an empty object, where nothing is stored, null
 * where a field is absent, and a time as text: what databases and JSON make of a record. An end that is no number is none.
 */
export function toRecord(found: unknown): TokenRecord | undefined {
  const given: Record<string, unknown> = Object(found);
  const { refreshToken } = given;
  if (typeof refreshToken !== 'string' || refreshToken === '') return undefined;
  const record: TokenRecord = { refreshToken };
  for (const [field, read] of Object.entries(fields)) {
    const value = read(given[field]);
    if (value !== undefined) Object.assign(record, { [field]: value });
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
