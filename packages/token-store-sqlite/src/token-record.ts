/** What is kept for one app name. A field that is undefined when written is absent when read. */
export interface TokenRecord {
  /** RFC 6749 section 1.5. An opaque string, never empty. */
  refreshToken: string;
  /** RFC 6749 section 1.4. An opaque string. */
  accessToken?: string;
  /** When the access token ends, in epoch milliseconds. */
  expiresAt?: number;
  /** When the tokens were issued, in epoch milliseconds. */
  obtainedAt?: number;
  /** The client the tokens were issued to. */
  clientId?: string;
  /** The identity provider that issued them, as the caller names it. */
  authority?: string;
  /** The granted scopes, separated by spaces (RFC 6749 section 3.3). */
  scope?: string;
  /** OpenID Connect Core section 2. An opaque string. */
  idToken?: string;
}

const optionalTexts = ['accessToken', 'clientId', 'authority', 'scope', 'idToken'] as const;
const optionalTimes = ['expiresAt', 'obtainedAt'] as const;

/** A string that SQLite gives back as it was. Lone surrogates have no UTF-8 form: two such strings could become one. */
export function checkText(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${describe(value)}`);
  if (/\p{Surrogate}/u.test(value))
    throw new TypeError(`${name} must be well-formed Unicode: it holds half a surrogate pair`);
}

/**
 * A copy with the known fields that are defined, in a fixed order.
 *
 * @throws {TypeError} naming the field that has a wrong type.
 */
export function checkRecord(record: TokenRecord): TokenRecord {
  if (typeof record !== 'object' || record === null) {
    throw new TypeError(`record must be an object, not ${describe(record)}`);
  }
  checkText(record.refreshToken, 'record.refreshToken');
  if (record.refreshToken === '') throw new TypeError('record.refreshToken must not be empty');
  const copy: TokenRecord = { refreshToken: record.refreshToken };
  for (const field of optionalTexts) {
    const value = record[field];
    if (value === undefined) continue;
    checkText(value, `record.${field}`);
    copy[field] = value;
  }
  for (const field of optionalTimes) {
    const value = record[field];
    if (value === undefined) continue;
    if (!Number.isFinite(value)) {
      throw new TypeError(`record.${field} must be a finite number of epoch milliseconds, not ${describe(value)}`);
    }
    copy[field] = value;
  }
  return copy;
}

/** The kind of a value, never the value: it may be a secret. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return String(value);
  return typeof value === 'object' ? 'an object' : `a value of type ${typeof value}`;
}
