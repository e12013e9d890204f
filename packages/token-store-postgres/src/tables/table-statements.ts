import type { Tables } from './names.ts';

/** Marks the tables as ours. */
export const packageName = 'token-store-postgres';
/** The version of the tables that {@link tableStatements} makes. */
export const schemaVersion = 1;

/**
 * The tables of version 1. It must not change, because databases have these tables.
 *
 * Records: `record` has it as JSON, or `sealed` has it encrypted if there is a key. `revision` is new with each write. `sign_in`
 * is the revision of the `set` that began it, and stays when the record is replaced. `offset_ms` is how far
 * the database's clock was ahead of the writer's, whose clock the record's times are of, and `error_ms` by how much that may be wrong.
 * `full_name` is set if `name` had to be shortened.
 *
 * Leases: `owner` is the call of `exclusively` that holds the lock, or null; `ends_at` is when its lease ends, or when it was released;
 * `fence` grows each time the lock is acquired. `waiting` is the queue: `l` or `p` (listens, or polls), then the owner that it may be.
 *
 * Meta: one row. `salt` and `verifier` are those of the key that is in use, or null.
 */
export function tableStatements({ records, leases, meta }: Tables): string[] {
  return [
    `CREATE TABLE ${records} (
  name text COLLATE "C" PRIMARY KEY,
  full_name text,
  record json,
  sealed bytea,
  revision text NOT NULL,
  sign_in text NOT NULL,
  updated_at timestamptz NOT NULL,
  offset_ms float8 NOT NULL,
  error_ms float8 NOT NULL,
  CHECK ((record IS NULL) <> (sealed IS NULL))
)`,
    `CREATE TABLE ${leases} (
  name text COLLATE "C" PRIMARY KEY,
  fence bigint NOT NULL,
  owner text,
  holder text,
  ends_at timestamptz NOT NULL,
  waiting text[] NOT NULL DEFAULT '{}'
)`,
    `CREATE TABLE ${meta} (
  package text NOT NULL,
  version integer NOT NULL,
  salt bytea,
  verifier bytea
)`,
  ];
}
