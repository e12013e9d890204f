import { durably, waitingAtMost } from '../connection/database.ts';
import type { ClockOffset } from '../connection/database-clock.ts';
import type { Tables } from './names.ts';
import { schemaVersion } from './table-statements.ts';

/** The lease that a write depends on: who holds it, and its fencing number. */
export interface Fence {
  readonly owner: string;
  readonly fence: string;
}

/** The columns of a record, for a write. */
export interface RecordColumns extends ClockOffset {
  readonly name: string;
  readonly fullName: string | null;
  readonly record: string | null;
  readonly sealed: Buffer | null;
  readonly revision: string;
  readonly signIn: string;
  /** Of the key that it was sealed with. */
  readonly salt: Buffer | null;
}

/** The database's time: see `DatabaseClock`. */
export const nowColumn = 'extract(epoch FROM clock_timestamp()) * 1000 AS now_ms';

export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/** The state that a write takes the place of: a record, or undefined if there is none. */
export interface Version {
  readonly revision: string;
  readonly signIn: string;
}

/**
 * A write as one statement. It writes only over `base`, so that it changes nothing if it arrives late or twice, only if the record was
 * sealed with the key that is in use, and, with a fence, only while the lease is held. It locks all rows until the commit, so that
 * none of them changes before. The result says which conditions were true, whether the record was written, and what was stored when the
 * statement began.
 */
export function writeStatement(
  tables: Tables,
  columns: RecordColumns,
  base: Version | undefined,
  fence: Fence | undefined,
  topic: string,
): Statement {
  const { records } = tables;
  const { name, fullName, record, sealed, revision, signIn, salt, offsetMs, errorMs } = columns;
  const values: unknown[] = [
    name,
    fullName,
    record,
    sealed,
    revision,
    salt,
    schemaVersion,
    tables.channel,
    `w${topic}`,
  ];
  values.push(offsetMs, errorMs, signIn);
  const key = `key_row AS (
  SELECT 1 FROM ${tables.meta} WHERE version = $7 AND salt IS NOT DISTINCT FROM $6::bytea AND ${waitingAtMost()} FOR SHARE
)`;
  const held = heldClause(tables, values, fence);
  const allowed = 'EXISTS (SELECT FROM key_row) AND EXISTS (SELECT FROM held)';
  let write = `INSERT INTO ${records} (name, full_name, record, sealed, revision, sign_in, updated_at, offset_ms, error_ms)
  SELECT $1, $2, $3::json, $4::bytea, $5, $12, clock_timestamp(), $10::float8, $11::float8 WHERE ${allowed}
  ON CONFLICT (name) DO NOTHING RETURNING 1`;
  if (base) {
    values.push(base.revision);
    write = `UPDATE ${records} SET record = $3::json, sealed = $4::bytea, revision = $5, sign_in = $12, updated_at = clock_timestamp(),
    offset_ms = $10::float8, error_ms = $11::float8
  WHERE name = $1 AND full_name IS NOT DISTINCT FROM $2 AND revision = $${values.length} AND ${allowed} RETURNING 1`;
  }
  const fits = '(SELECT count(*) FROM key_row) > 0';
  return { text: `WITH ${key}, ${held}, written AS (\n  ${write}\n)\n${outcome(tables, fits, 8)}`, values };
}

/** Deletes the record if it has this revision. */
export function deleteStatement(
  tables: Tables,
  name: string,
  revision: string,
  fence: Fence | undefined,
  topic: string,
): Statement {
  const values: unknown[] = [name, tables.channel, `w${topic}`, revision];
  const held = heldClause(tables, values, fence);
  const remove = `DELETE FROM ${tables.records} WHERE name = $1 AND revision = $4 AND EXISTS (SELECT FROM held) AND ${waitingAtMost()} RETURNING 1`;
  return { text: `WITH ${held}, written AS (\n  ${remove}\n)\n${outcome(tables, 'true', 2)}`, values };
}

/** Has one row if the lease is held, or if the write depends on none. */
function heldClause({ leases }: Tables, values: unknown[], fence: Fence | undefined): string {
  if (!fence) return 'held AS (SELECT 1)';
  const at = values.push(fence.owner, fence.fence);
  return `held AS (
  SELECT 1 FROM ${leases} WHERE name = $1 AND owner = $${at - 1} AND fence = $${at}::bigint AND ends_at > clock_timestamp()
    AND ${waitingAtMost()} FOR SHARE
)`;
}

/** What a write did, and what was stored before. It also tells the callers that wait for the record. */
function outcome({ records }: Tables, fits: string, channelAt: number): string {
  return `SELECT ${fits} AS key_fits, (SELECT count(*) FROM held) > 0 AS held, (SELECT count(*) FROM written) > 0 AS written,
  CASE WHEN EXISTS (SELECT FROM written) THEN pg_notify($${channelAt}, $${channelAt + 1}) END AS notified,
  t.revision, t.sign_in, ${durably} AS durable, ${nowColumn}
FROM (SELECT 1) AS always LEFT JOIN ${records} AS t ON t.name = $1`;
}

const recordColumns = `t.full_name, t.record::text AS record, encode(t.sealed, 'base64') AS sealed, t.revision, t.sign_in,
  t.offset_ms, t.error_ms, ${nowColumn}`;

/** The record of `$1`. */
export function readStatement({ records }: Tables): string {
  return `SELECT ${recordColumns} FROM ${records} AS t WHERE t.name = $1`;
}

/** The same, with what `lookStatement` says of the name: spares a waiting caller its next look. */
export function readAndLookStatement({ records, leases }: Tables): string {
  return `SELECT ${recordColumns}, ${watchedColumns('t', 'l', '$2')}
FROM (SELECT $1::text AS name) AS n LEFT JOIN ${records} AS t USING (name) LEFT JOIN ${leases} AS l USING (name)`;
}

/** The revisions of the names `$1`, and the states of their locks. `$2`: for each name, the entry of its caller in the queue. */
export function lookStatement({ records, leases }: Tables): string {
  return `SELECT n.name, t.revision, ${watchedColumns('t', 'l', 'n.entry')}
FROM unnest($1::text[], $2::text[]) AS n (name, entry) LEFT JOIN ${records} AS t USING (name) LEFT JOIN ${leases} AS l USING (name)`;
}

/**
 * `age_ms`: how long ago the record was written. `due_ms`: in how many milliseconds the caller with this entry may acquire the lock,
 * if no process renews or acquires it before; null if no process ever acquired it. `owner`: who holds it.
 */
function watchedColumns(t: string, l: string, entry: string): string {
  return `${ageOf(t)} AS age_ms, ${dueIn(l, entry)} AS due_ms, ${l}.owner`;
}

/** How many milliseconds ago the record was written. */
export function ageOf(t: string): string {
  return `extract(epoch FROM clock_timestamp() - ${t}.updated_at) * 1000`;
}

/** An entry in the queue begins with it if its caller is told at once when its turn comes. */
export const toldMark = 'l';
/** If its caller looks once a second. */
export const pollingMark = 'p';

/** Head start of a caller that listens: it is told at once when its turn comes. */
const headStartMs = 50;
/** Head start of a caller that looks once a second. */
const pollHeadStartMs = 1_500;
/** Between two callers further behind. */
const stepMs = 10;
/** A lock that was released this far in the future: the database's clock was set back since. */
const clockToleranceMs = 1_000;

/**
 * Milliseconds until the caller with this entry may acquire the lock. The first in the queue may do so when the lock is free. The
 * others may do so a little later, because the callers before them may be gone.
 */
export function dueIn(l: string, entry: string): string {
  const place = `coalesce(array_position(${l}.waiting, ${entry}), cardinality(${l}.waiting) + 1)`;
  const left = `extract(epoch FROM ${l}.ends_at - statement_timestamp()) * 1000`;
  return `(CASE WHEN ${l}.owner IS NULL AND (${place} = 1 AND ${left} > 0 OR ${left} > ${clockToleranceMs}) THEN 0
    WHEN ${place} = 1 THEN ${left} ELSE ${left} + ${stepMs} * (${place} - 1)
      + CASE WHEN EXISTS (SELECT FROM unnest(${l}.waiting[:${place} - 1]) AS w WHERE w LIKE '${pollingMark}%') THEN ${pollHeadStartMs} ELSE ${headStartMs} END END)`;
}

/** The same, computed here by a caller that got the queue in a message. `place` counts from 0. */
export function dueAfterRelease(queue: readonly string[], place: number): number {
  if (place === 0) return 0;
  const headStart = queue.slice(0, place).some((entry) => entry.startsWith(pollingMark))
    ? pollHeadStartMs
    : headStartMs;
  return headStart + stepMs * place;
}
