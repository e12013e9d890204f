import { checkNames } from './check-names.ts';
import { checkText, kindOf } from './check-text.ts';
import type { TokenRecord } from './token-record.ts';

const optionalFields: Record<Exclude<keyof TokenRecord, 'refreshToken'>, 'text' | 'time'> = {
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

const fields: Readonly<Record<keyof TokenRecord, unknown>> = { refreshToken: 'text', ...optionalFields };

/**
 * A copy with the fields that are defined, in a fixed order: what a store writes.
 *
 * @throws {TypeError} that names the field, if a field is unknown or has a wrong type, or the refresh token is empty.
 */
export function checkRecord(record: TokenRecord): TokenRecord {
  if (typeof record !== 'object' || record === null) {
    throw new TypeError(`record must be an object, not ${kindOf(record)}`);
  }
  checkNames(record, fields, 'field');
  // Read once, as every field: a getter could return another value after the check.
  const { refreshToken } = record;
  checkText(refreshToken, 'record.refreshToken');
  if (refreshToken === '') throw new TypeError('record.refreshToken must not be empty');
  const copy: Record<string, unknown> & TokenRecord = { refreshToken };
  for (const [field, kind] of Object.entries(optionalFields)) {
    const value: unknown = record[field as keyof TokenRecord];
    if (value === undefined) continue;
    if (kind === 'text') checkText(value, `record.${field}`);
    else if (!Number.isFinite(value)) {
      throw new TypeError(`record.${field} must be a finite number of epoch milliseconds, not ${kindOf(value)}`);
    }
    copy[field] = value;
  }
  return copy;
}
