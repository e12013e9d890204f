import { checkText, kindOf, refuseUnknown } from './check-text.ts';
import type { TokenRecord } from './token-record.ts';

/** What each field of a record holds, in the order in which they are written. */
export const recordFields: Readonly<Record<keyof TokenRecord, 'text' | 'time'>> = {
  refreshToken: 'text',
  accessToken: 'text',
  expiresAt: 'time',
  obtainedAt: 'time',
  clientId: 'text',
  authority: 'text',
  scope: 'text',
  idToken: 'text',
  refreshExpiresAt: 'time',
  refusedAt: 'time',
  refusedBecause: 'text',
};

/**
 * A copy with the fields that are defined, in a fixed order: what a store writes.
 *
 * @throws {TypeError} that names the field, if a field is unknown or has a wrong type, or the refresh token is empty.
 */
export function checkRecord(record: TokenRecord): TokenRecord {
  if (typeof record !== 'object' || record === null) {
    throw new TypeError(`record must be an object, not ${kindOf(record)}`);
  }
  // Each field is read once: a getter could return another value after the check.
  const left: Record<string, unknown> = { ...record };
  checkText(left.refreshToken, 'record.refreshToken');
  if (left.refreshToken === '') throw new TypeError('record.refreshToken must not be empty');
  const copy: Record<string, unknown> = {};
  for (const [field, kind] of Object.entries(recordFields)) {
    const value = left[field];
    delete left[field];
    if (value === undefined) continue;
    if (kind === 'text') checkText(value, `record.${field}`);
    else if (!Number.isFinite(value)) {
      throw new TypeError(`record.${field} must be a finite number of epoch milliseconds, not ${kindOf(value)}`);
    }
    copy[field] = value;
  }
  refuseUnknown(left, 'field');
  return copy as unknown as TokenRecord;
}
