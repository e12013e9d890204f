import { checkKey, checkText, refuseUnknown } from 'token-store-kit';
import type { PgPool } from './connection/pg-client.ts';

/** A passphrase, or 32 bytes. */
export type Key = string | Uint8Array;

/** Options of `openPostgresTokenStore`. Durations are milliseconds. `undefined` is the default. */
export interface PostgresTokenStoreOptions {
  /** A `pg.Pool` of the caller's, which `close()` does not end. Default: a pool of the store's own, with at most three connections. */
  pool?: PgPool | undefined;
  /** Such as `postgresql://app@db.example/app?sslmode=verify-full`. The PG* variables and the password file supply what it leaves out. */
  connectionString?: string | undefined;
  /** The schema of the tables. It is made if it is missing. Default: the first schema of the connection's search_path. */
  schema?: string | undefined;
  /** The table of the records. The names of the other two tables begin with this name. Default `oauth_token`. */
  table?: string | undefined;
  /**
   * Encrypts tokens at rest: a passphrase, or 32 bytes. The first write to the tables puts the key in use, until `rekey`. Default: tokens
   * are stored unencrypted.
   */
  key?: Key | undefined;
  /**
   * Further keys that the data may be encrypted with, for a change of key while several hosts run. An undefined entry allows unencrypted
   * data as well. The database says which key is in use. Default: none.
   */
  otherKeys?: readonly (Key | undefined)[] | undefined;
  /** Makes and changes nothing: calls that write or lock reject with STORE_READONLY. Missing tables count as empty. Default false. */
  readOnly?: boolean | undefined;
  /** The length of a lease: how long a crashed lock holder keeps the others waiting. From 100 to 86,400,000. Default 15,000. */
  leaseTime?: number | undefined;
  /**
   * Whether waiting callers are notified by LISTEN, on one extra connection while any of them waits. If not, the store polls once a second.
   * Default: yes, unless the connection leads through a pooler.
   */
  listen?: boolean | undefined;
}

/** The options with their defaults, checked. */
export type Settings = ReturnType<typeof readOptions>;

/** @throws {TypeError} or RangeError that names the option that cannot be used. */
export function readOptions(options: PostgresTokenStoreOptions = {}) {
  if (typeof options !== 'object' || options === null) throw new TypeError('options must be an object');
  const { pool, connectionString, schema, table = 'oauth_token', key, otherKeys = [], ...others } = options;
  const { readOnly = false, leaseTime = 15_000, listen, ...unknown } = others;
  refuseUnknown(unknown);
  const { connect, on } = Object(pool ?? { connect() {}, on() {} });
  if (typeof connect !== 'function' || typeof on !== 'function') throw new TypeError('pool must be a Pool of pg');
  if (connectionString !== undefined) {
    checkText(connectionString, 'connectionString');
    if (pool !== undefined) throw new TypeError('pool and connectionString cannot both be given');
  }
  if (!Array.isArray(otherKeys)) throw new TypeError(`otherKeys must be an array, not ${typeof otherKeys}`);
  for (const [name, value] of Object.entries({ readOnly, listen: listen ?? false }))
    if (typeof value !== 'boolean') throw new TypeError(`${name} must be a boolean, not ${typeof value}`);
  if (typeof leaseTime !== 'number') throw new TypeError(`leaseTime must be a number, not ${typeof leaseTime}`);
  if (!(leaseTime >= 100 && leaseTime <= 86_400_000))
    throw new RangeError(`leaseTime must be from 100 to 86400000, not ${leaseTime}`);
  if (schema !== undefined) checkIdentifier('schema', schema, 63);
  // PostgreSQL silently cuts off identifiers after 63 bytes, and the names of two tables add an ending to this one.
  checkIdentifier('table', table, 50);
  // The first key is used if nothing is stored yet. undefined: unencrypted.
  const keys = [key, ...(otherKeys as readonly (Key | undefined)[])].map(copyKey);
  return { pool, connectionString, schema, table, keys, readOnly, leaseTime, listen };
}

/** A copy, because the caller may wipe the bytes. The store tries all its keys again when it later finds another key in use. */
export function copyKey(key: Key | undefined): Key | undefined {
  if (key === undefined) return undefined;
  const checked = checkKey(key);
  return typeof checked === 'string' ? checked : Uint8Array.from(checked);
}

function checkIdentifier(name: string, value: unknown, maxBytes: number): void {
  checkText(value, name);
  if (value === '' || value.includes('\0')) throw new TypeError(`${name} must be a name without a NUL character`);
  const bytes = Buffer.byteLength(value);
  if (bytes > maxBytes) throw new RangeError(`${name} must have at most ${maxBytes} bytes, not ${bytes}`);
}
