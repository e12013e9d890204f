import { checkData, comparedToken, recordFields, type TokenRecord } from 'token-store-kit';

/**
 * Reads a record as the store returned it. Databases and JSON turn an absent record or field into null or {}, and a time into text.
 * Ignores times that are not numbers, and tokens that are empty or not strings. The fields have the kit's order, so that a record that is
 * written again gives the same JSON.
 */
export function readStoredRecord(found: unknown): TokenRecord | undefined {
  const given: Record<string, unknown> = Object(found);
  const record: Record<string, unknown> = {};
  for (const [field, kind] of Object.entries(recordFields)) {
    const value = given[field] ?? undefined;
    let read = value;
    if (kind === 'texts') read = readData(value);
    else if (kind === 'time') read = Number(value);
    if (read !== undefined && !Number.isNaN(read)) record[field] = read;
  }
  for (const token of ['refreshToken', 'accessToken'])
    if (typeof record[token] !== 'string' || !record[token]) delete record[token];
  return comparedToken(record) === undefined ? undefined : record;
}

/**
 * A copy of the `data` of a record, frozen because callers get the same object. Undefined for a value that no store takes: the tokens
 * that come with such a value must not be lost.
 */
export function readData(data: unknown): TokenRecord['data'] {
  try {
    return Object.freeze(checkData(data));
  } catch {
    return undefined;
  }
}
