import type { TokenRecord } from 'token-store-kit';

/** The bytes "tokn", as SQLite's `application_id`: they mark the file as one of this package. */
export const applicationId = 0x746f6b6e;
/** SQLite's `user_version` of a file with our tables. Version 0 are the tables of the Python class, or none. */
export const schemaVersion = 1;

const fields = {
  refreshToken: 'refresh_token',
  accessToken: 'access_token',
  expiresAt: 'expires_at',
  obtainedAt: 'obtained_at',
  clientId: 'client_id',
  authority: 'authority',
  scope: 'scope',
  idToken: 'id_token',
  refreshExpiresAt: 'refresh_expires_at',
  signedInAt: 'signed_in_at',
  refusedAt: 'refused_at',
  refusedBecause: 'refused_because',
  data: 'data',
} as const satisfies Record<keyof TokenRecord, string>;

const recordFields = Object.keys(fields) as (keyof TokenRecord)[];
/** The columns of a record: one for each field, `data` as JSON, then `sealed`, which has the whole record if there is a key. */
export const columns = [...Object.values(fields), 'sealed'];

export type TokenRow = { [column: string]: string | number | null } & { sealed: Uint8Array | null };

/** A record's values, in the order of its columns, without `sealed`. */
export function plainValues(record: TokenRecord): (string | number | null)[] {
  return recordFields.map((field) => {
    const value = record[field] ?? null;
    return typeof value === 'object' ? value && JSON.stringify(value) : value;
  });
}

/**
 * The record of a row that is not encrypted. Undefined if it has no token: the Python class may have stored a row without one.
 *
 * @throws {SyntaxError} if another program has written `data`. The message of the error quotes the data.
 */
export function readPlainRow(row: TokenRow): TokenRecord | undefined {
  if (!row.refresh_token && !row.access_token) return undefined;
  const record: Record<string, unknown> = {};
  for (const field of recordFields) {
    const value = row[fields[field]];
    if (value !== null && value !== undefined) record[field] = field === 'data' ? JSON.parse(String(value)) : value;
  }
  return record;
}
