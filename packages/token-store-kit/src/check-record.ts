import { checkText, kindOf, refuseUnknown } from './check-text.ts';
import { comparedToken, type TokenRecord } from './token-record.ts';

/** What each field of a record holds, in the order in which they are written. */
export const recordFields: Readonly<Record<keyof TokenRecord, 'text' | 'time' | 'texts'>> = {
  refreshToken: 'text',
  accessToken: 'text',
  expiresAt: 'time',
  obtainedAt: 'time',
  clientId: 'text',
  authority: 'text',
  scope: 'text',
  idToken: 'text',
  refreshExpiresAt: 'time',
  signedInAt: 'time',
  refusedAt: 'time',
  refusedBecause: 'text',
  data: 'texts',
};

/** Limit of `data` as JSON, in bytes of UTF-8. */
const maxDataBytes = 65_536;

/**
 * A copy with the fields that are defined, in a fixed order: what a store writes.
 *
 * @throws {TypeError} that names the field, if a field is unknown or has a wrong type, a refresh token is empty, or there is no token.
 * @throws {RangeError} if `data` is too long.
 */
export function checkRecord(record: TokenRecord): TokenRecord {
  if (typeof record !== 'object' || record === null) {
    throw new TypeError(`record must be an object, not ${kindOf(record)}`);
  }
  // Each field is read once: a getter could return another value after the check.
  const left: Record<string, unknown> = { ...record };
  if (left.refreshToken === '') throw new TypeError('record.refreshToken must not be empty');
  const copy: Record<string, unknown> = {};
  for (const [field, kind] of Object.entries(recordFields)) {
    const value = left[field];
    delete left[field];
    if (value === undefined) continue;
    if (kind === 'text') checkText(value, `record.${field}`);
    else if (kind === 'time' && !Number.isFinite(value)) {
      throw new TypeError(`record.${field} must be a finite number of epoch milliseconds, not ${kindOf(value)}`);
    }
    copy[field] = kind === 'texts' ? checkData(value) : value;
  }
  refuseUnknown(left, 'field');
  if (!comparedToken(copy)) throw new TypeError('record must have a refreshToken or an accessToken');
  return copy;
}

/**
 * A copy of the `data` of a record.
 *
 * @throws {TypeError} that names it, unless it is a plain object of well-formed strings.
 * @throws {RangeError} if it is too long.
 */
export function checkData(data: unknown): Record<string, string> {
  // Unlike the class, the tag is the same in every realm. A Map, for example, has no properties: its content would be lost.
  const tag = Object.prototype.toString.call(data);
  if (tag !== '[object Object]') throw new TypeError(`record.data must be a plain object of strings, not ${tag}`);
  const entries = Object.entries(data as object);
  for (const [key, value] of entries) {
    checkText(key, 'a key of record.data');
    checkText(value, `record.data[${JSON.stringify(key)}]`);
  }
  // Not by assignments: a key may be `__proto__`.
  const copy = Object.fromEntries(entries);
  const bytes = Buffer.byteLength(JSON.stringify(copy));
  if (bytes > maxDataBytes)
    throw new RangeError(`record.data must have at most ${maxDataBytes} bytes as JSON, not ${bytes}`);
  return copy;
}
