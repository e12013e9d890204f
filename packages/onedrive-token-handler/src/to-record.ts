import type { TokenRecord } from './token-store.ts';

const texts = ['accessToken', 'clientId', 'authority', 'scope', 'idToken'] as const;
const times = ['expiresAt', 'obtainedAt'] as const;

/**
 * The record that a store gave. One of the user's own may give null, or an empty object, where nothing is stored, null
 * where a field is absent, and a time as text: what databases and JSON make of a record. An end that is no number is none.
 */
export function toRecord(found: unknown): TokenRecord | undefined {
  const given: Record<string, unknown> = Object(found);
  const { refreshToken } = given;
  if (typeof refreshToken !== 'string' || refreshToken === '') return undefined;
  const record: TokenRecord = { refreshToken };
  for (const field of texts) {
    const value = given[field];
    if (value !== null && value !== undefined) record[field] = String(value);
  }
  for (const field of times) {
    const value = given[field];
    const time = typeof value === 'string' || typeof value === 'bigint' ? Number(value) : value;
    if (typeof time === 'number' && Number.isFinite(time)) record[field] = time;
  }
  return record;
}
