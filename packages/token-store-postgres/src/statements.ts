/** The statements of this package: mostly one for each method. */
import { hashOf, saltBytes } from 'token-store-kit';

/** Marks the tables as ours, and is bound into all encrypted data. Must not change, because existing databases have it. */
export const packageName = 'token-store-postgres';
export const schemaVersion = 1;
/** How many earlier revisions a row keeps: they tell that a write whose answer was lost was done, even if others have written since. */
const maxEarlier = 32;

/** For a database that may lose the newest commits in a crash: a provider gives a token only once, and a lost lease could be held twice. */
const durably =
  "(SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off')";

export const beginStatements = ['BEGIN ISOLATION LEVEL READ COMMITTED', `SELECT ${durably}`];

/**
 * Limits for the store's own connection, unless its role has limits. Without them, the server would go on with abandoned statements. $1 is
 * the process id of the connection. A pooler sends another id, and its sessions stay as they are, because others use them as well.
 */
export const limitSession = `SELECT set_config(name, value, false)
FROM (VALUES ('lock_timeout', '1800'), ('statement_timeout', '11000')) AS own (name, value)
WHERE current_setting(name) = '0' AND pg_backend_pid() = $1::int`;

/** An always true condition that limits how long its statement waits for a locked row, and as long again behind others that wait. */
function waitingAtMost(milliseconds: number): string {
  return `set_config('lock_timeout', '${milliseconds}', true) IS NOT NULL`;
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** The names of the tables, in the order in which they are made. */
export function tableNames(table: string): readonly [records: string, leases: string, meta: string] {
  return [table, `${table}_lease`, `${table}_meta`];
}

/** The state of the server, and what the schema $1 (null: the first one of the search_path) has under the names $2. */
export const findTables = `SELECT target.schema, n.oid IS NOT NULL AS has_schema, pg_backend_pid() AS pid,
  current_setting('server_version') AS version, has_schema_privilege(n.oid, 'CREATE') AS may_create,
  pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS is_read_only,
  (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid AND relname = ANY ($2::text[])) AS found
FROM (SELECT coalesce($1::text, current_schema()::text) AS schema) AS target
LEFT JOIN pg_namespace AS n ON n.nspname = target.schema`;

export type Statements = ReturnType<typeof statementsFor>;

export function statementsFor(schema: string, table: string) {
  const [records = '', leases = '', meta = ''] = tableNames(table).map((name) => `${quote(schema)}.${quote(name)}`);
  const rowWait = waitingAtMost(1_800);
  const leaseWait = waitingAtMost(800);
  // For a row of `records`. After a sign-out, the row stays, without a record.
  const hasRecord = 'num_nonnulls(record, sealed) = 1';
  const channel = `token_store_${hashOf(`${schema}\0${table}`, 16)}`;

  // Data that was restored into new tables may have brought a second row of `meta`: what it encrypts needs its key.
  const keyFirst = 'ORDER BY salt NULLS LAST';

  // Whether `meta` names the key, or the lack of one, under which a record was written. Damage is told from a change of key by that.
  const keyNamed = `EXISTS (SELECT FROM ${meta} WHERE salt IS NOT DISTINCT FROM substr(sealed, 1, ${saltBytes})) AS key_named`;
  const stored = `name, record::text AS record, encode(sealed, 'base64') AS sealed, ${keyNamed}`;

  // A version of the lease `l`: it changes with each renewal.
  const seen = "l.owner || ' ' || extract(epoch FROM l.ends_at)";
  // In `take`, whose $2 is the owner that wants the lease.
  const isOwn = 'l.owner = $2';
  const isFree = `(l.owner IS NULL OR ${isOwn} OR ${seen} IS NOT DISTINCT FROM $6::text OR ($7::boolean AND l.ends_at <= statement_timestamp()))`;

  // From the time at which the row is written: a renewal that had to wait for the row must not shorten what a later one has written.
  const renewed = (owner: string, fence: string, leaseMs: string): string =>
    `UPDATE ${leases} SET ends_at = clock_timestamp() + ${leaseMs}::float8 * interval '1 ms'
  WHERE name = $1 AND owner = ${owner} AND fence = ${fence}::bigint AND ${rowWait} RETURNING ${durably} AS durable`;

  return {
    schema,
    table,
    /** For notifications to waiting callers. */
    channel,
    /** Stands for a name in notifications, because every role of the database can listen to the channel. */
    topicOf: (name: string): string => hashOf(`${channel}\0${name}`, 16),

    /** The tables of version 1. Must not change, because existing databases have them. docs/fleet.md says what the columns mean. */
    createTables: [
      `CREATE TABLE ${records} (
  name text COLLATE "C" PRIMARY KEY,
  record json,
  sealed bytea,
  revision text NOT NULL,
  earlier text[] NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK (record IS NULL OR sealed IS NULL)
)`,
      `CREATE TABLE ${leases} (
  name text COLLATE "C" PRIMARY KEY,
  fence bigint NOT NULL,
  owner text,
  holder text,
  ends_at timestamptz NOT NULL,
  wanted_until timestamptz
)`,
      `CREATE TABLE ${meta} (
  package text NOT NULL,
  version integer NOT NULL,
  salt bytea,
  verifier bytea
)`,
    ],
    createSchema: `CREATE SCHEMA IF NOT EXISTS ${quote(schema)}`,
    /** One host at a time makes tables, whatever their names: two hosts may need the same new schema. */
    lockCreation: `SELECT pg_advisory_xact_lock(hashtextextended('${packageName}', 0))`,
    insertMeta: `INSERT INTO ${meta} (package, version) VALUES ('${packageName}', ${schemaVersion})`,
    /** Writers lock this row, too (FOR SHARE). So when this lock is acquired, their writes are committed and visible. */
    lockMeta: `SELECT 1 FROM ${meta} FOR UPDATE`,
    meta: `SELECT package, version, encode(salt, 'base64') AS salt, encode(verifier, 'base64') AS verifier FROM ${meta} ${keyFirst}`,
    setKey: `UPDATE ${meta} SET salt = $1, verifier = $2`,

    list: `SELECT name FROM ${records} WHERE ${hasRecord}`,
    /** The rows of the names $1. */
    read: `SELECT ${stored}, revision FROM ${records} WHERE name = ANY ($1::text[])`,
    /** The revisions of the names $1. */
    look: `SELECT n.name, t.revision FROM unnest($1::text[]) AS n (name) LEFT JOIN ${records} AS t USING (name)`,

    /**
     * Compare-and-swap: writes a record ($1 name, $2 record, $3 sealed, $4 revision, $10 topic) only over the revision $6 (null: only if
     * there is no row). So a statement that arrives late or twice changes nothing. $5 must be the salt of the key in use. The owner $7 must
     * hold the lease with the fencing number $8 (null: no lease needed), which the write renews for $9 ms. Without $2 and $3 it is a
     * sign-out, which keeps the row: otherwise, an insert that arrives late would find no row, as before the sign-in. Returns what was
     * stored at the start, and whether this revision was written before. Notifies the callers that wait for the record.
     */
    write: `WITH key_row AS (
  SELECT 1 FROM ${meta} WHERE version = ${schemaVersion} AND ${rowWait}
    AND (salt IS NOT DISTINCT FROM $5::bytea OR num_nonnulls($2::json, $3::bytea) = 0) FOR SHARE
), lease AS (
  ${renewed('$7', '$8', '$9')}
), held AS (SELECT 1 WHERE $7::text IS NULL OR EXISTS (SELECT FROM lease)
), updated AS (
  UPDATE ${records} AS r SET record = $2::json, sealed = $3::bytea, revision = $4::text, updated_at = clock_timestamp(),
    earlier = (r.revision || r.earlier)[1:${maxEarlier}]
  WHERE name = $1 AND revision = $6::text AND EXISTS (SELECT FROM key_row) AND EXISTS (SELECT FROM held) RETURNING 1
), inserted AS (
  INSERT INTO ${records} (name, record, sealed, revision, earlier, updated_at)
  SELECT $1::text, $2::json, $3::bytea, $4::text, '{}', clock_timestamp()
  WHERE $6::text IS NULL AND EXISTS (SELECT FROM key_row) AND EXISTS (SELECT FROM held)
  ON CONFLICT (name) DO NOTHING RETURNING 1
), written AS (SELECT 1 FROM updated UNION ALL SELECT 1 FROM inserted)
SELECT EXISTS (SELECT FROM key_row) AS key_fits, EXISTS (SELECT FROM held) AS held, EXISTS (SELECT FROM written) AS written,
  t.revision, ${hasRecord} AS has_record, t.revision = $4 OR $4 = ANY (t.earlier) AS was_written, ${durably} AS durable,
  CASE WHEN EXISTS (SELECT FROM written) THEN pg_notify('${channel}', 'w' || $10 || ' ' || $4::text) END AS notified
FROM (SELECT 1) AS always LEFT JOIN ${records} AS t ON t.name = $1`,

    /** For a change of key: reads all records, then replaces each ($1 name, $2 record, $3 sealed). */
    readAll: `SELECT ${stored} FROM ${records} WHERE ${hasRecord}`,
    sealAgain: `UPDATE ${records} SET record = $2::json, sealed = $3::bytea WHERE name = $1`,

    /**
     * Acquires the lock of $1 for $4 ms if it is free: $2 is the owner, $3 the holder. If not, returns the holder and the time left, and
     * notes that this caller will ask again within $5 ms (0: it will not). Writes nothing if that much is noted already. The server's clock
     * may have been set. So the caller's clock decides that a lease seen before ($6) has ended; with $7, the server's may decide it, too.
     * Also returns the salt of the key in use (empty: there is no key; null: the tables are of another version).
     *
     * The lease begins when the server receives the statement, even if the statement has to wait for the row. A statement that arrives
     * twice, or after its own retry, takes nothing from a caller that has the lock already.
     */
    take: `WITH taken AS (
  INSERT INTO ${leases} AS l (name, fence, owner, holder, ends_at)
  SELECT $1::text, 1, $2::text, $3::text, statement_timestamp() + $4::float8 * interval '1 ms'
  WHERE ${leaseWait} AND NOT EXISTS (
    SELECT FROM ${leases} AS l WHERE l.name = $1 AND NOT ${isFree}
      AND ($5::float8 = 0 OR l.wanted_until > statement_timestamp() + $5::float8 * interval '1 ms')
  )
  ON CONFLICT (name) DO UPDATE SET
    fence = CASE WHEN ${isOwn} OR NOT ${isFree} THEN l.fence ELSE l.fence + 1 END,
    owner = CASE WHEN ${isFree} THEN excluded.owner ELSE l.owner END,
    holder = CASE WHEN ${isFree} THEN excluded.holder ELSE l.holder END,
    ends_at = CASE WHEN ${isOwn} THEN greatest(l.ends_at, excluded.ends_at) WHEN ${isFree} THEN excluded.ends_at ELSE l.ends_at END,
    wanted_until = CASE WHEN ${isFree} THEN l.wanted_until ELSE statement_timestamp() + 1.4 * $5::float8 * interval '1 ms' END
  WHERE ${isFree} OR $5::float8 > 0
  RETURNING owner, fence, holder, ends_at
)
SELECT taken.owner = $2 AS taken, taken.fence, coalesce(taken.holder, l.holder) AS holder, l.owner, ${seen} AS seen,
  extract(epoch FROM coalesce(taken.ends_at, l.ends_at) - statement_timestamp()) * 1000 AS left_ms, t.revision, ${durably} AS durable,
  (SELECT coalesce(encode(salt, 'base64'), '') FROM ${meta} WHERE version = ${schemaVersion} ${keyFirst} LIMIT 1) AS salt
FROM (SELECT 1) AS always LEFT JOIN taken ON true LEFT JOIN ${leases} AS l ON l.name = $1 LEFT JOIN ${records} AS t ON t.name = $1`,

    /** Renews the lease, even after its end, if no other owner has taken it: $1 name, $2 owner, $3 fencing number, $4 lease in ms. */
    renew: renewed('$2', '$3', '$4'),

    /** Releases the lock of $1 if the owner $2 has it. Notifies waiting callers (topic $3). Returns the ms within which one will ask. */
    release: `UPDATE ${leases} SET owner = NULL, holder = NULL, ends_at = statement_timestamp()
WHERE name = $1 AND owner = $2 AND ${leaseWait}
RETURNING extract(epoch FROM wanted_until - statement_timestamp()) * 1000 AS wanted_ms,
  CASE WHEN wanted_until > statement_timestamp() THEN pg_notify('${channel}', 'f' || $3) END AS notified`,

    /** The locks that are not released, without those of the owners $1. */
    locks: `SELECT l.name, l.holder, l.owner, ${seen} AS seen, extract(epoch FROM l.ends_at - clock_timestamp()) * 1000 AS left_ms
FROM ${leases} AS l WHERE l.owner IS NOT NULL AND l.owner <> ALL ($1::text[]) ORDER BY l.name`,
  };
}

/** A name of more bytes would not fit into the index. */
const maxNameBytes = 2_600;

/** PostgreSQL stores no NUL character: it becomes `\0`, and a backslash becomes `\\`. @throws {RangeError} if the name is too long. */
export function toStoredName(name: string): string {
  const stored = name.replace(/[\\\0]/g, (character) => (character === '\0' ? '\\0' : '\\\\'));
  const bytes = Buffer.byteLength(stored);
  if (bytes > maxNameBytes) throw new RangeError(`name must have at most ${maxNameBytes} bytes, not ${bytes}`);
  return stored;
}

/** The name of a row: undoes {@link toStoredName}. */
export function nameOf({ name }: Readonly<Record<string, string | null>>): string {
  return String(name).replace(/\\(.)/g, (_, character) => (character === '0' ? '\0' : character));
}
