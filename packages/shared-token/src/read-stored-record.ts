import { recordFields, type TokenRecord } from 'token-store-kit';

/**
 * Reads what a store gave. Databases and JSON turn an absent record or field into null or {}, and a time into text.
 * Ignores times that are not numbers. In the order of the kit, so that a record that is written again gives the same JSON.
 */
export function readStoredRecord(found: unknown): TokenRecord | undefined {
  const given: Record<string, unknown> = Object(found);
  const { refreshToken } = given;
  if (typeof refreshToken !== 'string' || refreshToken === '') return undefined;
  const record: Record<string, unknown> & TokenRecord = { refreshToken };
  for (const [field, kind] of Object.entries(recordFields)) {
    const value = kind === 'text' ? toText(given[field]) : toTime(given[field]);
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
