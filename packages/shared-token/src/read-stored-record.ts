import { comparedToken, recordFields, type TokenRecord } from 'token-store-kit';
import { readData } from './read-data.ts';

/**
 * Reads what a store gave. Databases and JSON turn an absent record or field into null or {}, and a time into text.
 * Ignores times that are not numbers, and tokens that are empty or no text. In the order of the kit, so that a record that is written
 * again gives the same JSON.
 */
export function readStoredRecord(found: unknown): TokenRecord | undefined {
  const given: Record<string, unknown> = Object(found);
  const record: Record<string, unknown> = {};
  for (const [field, kind] of Object.entries(recordFields)) {
    const value = given[field] ?? undefined;
    let read = value;
    if (kind === 'texts') read = readData(value);
    else if (value !== undefined && kind === 'time') read = Number(value);
    if (read !== undefined && !Number.isNaN(read)) record[field] = read;
  }
  for (const token of ['refreshToken', 'accessToken'])
    if (typeof record[token] !== 'string' || !record[token]) delete record[token];
  return comparedToken(record) === undefined ? undefined : record;
}
