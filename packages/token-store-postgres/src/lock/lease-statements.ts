import { durably, waitingAtMost } from '../connection/database.ts';
import type { Tables } from '../tables/names.ts';
import { ageOf, dueIn } from '../tables/record-statements.ts';

/** How long a caller waits for the answer when it leaves the queue, or releases the lock. */
export const endTimeoutMs = 2_000;
/** How much of the time for an answer a statement may wait for a row: behind others that wait, it does so twice. */
const rowShare = 0.4;

/**
 * Acquires the lock if it is free and it is this caller's turn, else joins the queue, in one statement.
 * $1 name, $2 owner, $3 holder, $4 lease in ms, $5 entry in the queue, $6 whether to join it, $7 channel, $8 topic. `timeoutMs`: how
 * long the answer is waited for.
 *
 * The lease begins when the server receives the statement, even if that has to wait for the row. A statement that arrives twice, or
 * later than a repetition of it, changes nothing for a caller that has the lock already: neither its fencing number nor the queue.
 *
 * It also says what `lookStatement` does: spares the caller its next look.
 */
export function takeStatement({ records, leases }: Tables, timeoutMs: number): string {
  const place = 'coalesce(array_position(l.waiting, $5), cardinality(l.waiting) + 1)';
  const isFree = '(l.owner IS NULL OR l.ends_at <= statement_timestamp())';
  return `INSERT INTO ${leases} AS l (name, fence, owner, holder, ends_at)
SELECT $1::text, 1, $2::text, $3::text, statement_timestamp() + $4::float8 * interval '1 ms' WHERE ${waitingAtMost(rowShare * timeoutMs)}
ON CONFLICT (name) DO UPDATE SET (fence, owner, holder, ends_at, waiting) = (
  SELECT CASE WHEN turn.has_come THEN l.fence + 1 ELSE l.fence END,
    CASE WHEN turn.has_come THEN excluded.owner ELSE l.owner END,
    CASE WHEN turn.has_come THEN excluded.holder ELSE l.holder END,
    CASE WHEN turn.is_repetition THEN greatest(l.ends_at, excluded.ends_at) WHEN turn.has_come THEN excluded.ends_at ELSE l.ends_at END,
    CASE WHEN turn.is_repetition THEN array_remove(l.waiting, $5) WHEN turn.has_come THEN l.waiting[${place} + 1:]
      WHEN $6::boolean AND NOT $5 = ANY (l.waiting) THEN l.waiting || $5 ELSE l.waiting END
  FROM (SELECT own.is_repetition, NOT own.is_repetition AND ${isFree} AND ${dueIn('l', '$5')} <= 0 AS has_come
    FROM (SELECT l.owner IS NOT DISTINCT FROM $2 AS is_repetition) AS own) AS turn
)
RETURNING ${durably} AS durable, owner = $2 AS taken, owner, fence, holder, ${dueIn('l', '$5')} AS due_ms,
  (SELECT t.revision FROM ${records} AS t WHERE t.name = $1) AS revision,
  (SELECT ${ageOf('t')} FROM ${records} AS t WHERE t.name = $1) AS age_ms,
  CASE WHEN owner = $2 AND cardinality(waiting) > 0 THEN pg_notify($7, 't' || $8 || ' ' || $2) END AS notified`;
}

/**
 * By the time at which the row is written: a renewal that had to wait for the row must not shorten the lease that a later one has
 * written. $1 name, $2 owner, $3 fence, $4 lease in ms.
 */
export function renewStatement({ leases }: Tables): string {
  return `UPDATE ${leases} SET ends_at = clock_timestamp() + $4::float8 * interval '1 ms'
WHERE name = $1 AND owner = $2 AND fence = $3::bigint AND ends_at > statement_timestamp() AND ${waitingAtMost()} RETURNING ${durably} AS durable`;
}

/**
 * Releases the lock, and tells the queue: the first caller acquires it. The owner is of one call, which is over: the fencing number
 * does not matter any more. $1 name, $2 owner, $3 channel, $4 topic.
 */
export function releaseStatement({ leases }: Tables): string {
  return `UPDATE ${leases} AS l SET owner = NULL, holder = NULL, ends_at = statement_timestamp()
WHERE name = $1 AND owner = $2 AND ${waitingAtMost(rowShare * endTimeoutMs)} RETURNING ${notifyQueue('true', 3)} AS notified`;
}

/**
 * Leaves the queue, and releases the lock if a statement whose answer was lost has acquired it. If the lock is free, it may have
 * been this caller's turn: the others are told. $1 name, $2 entry in the queue, $3 owner, $4 channel, $5 topic.
 */
export function leaveStatement({ leases }: Tables): string {
  const isOwn = 'CASE WHEN owner = $3 THEN';
  return `UPDATE ${leases} AS l SET waiting = array_remove(waiting, $2), owner = nullif(owner, $3),
  holder = ${isOwn} NULL ELSE holder END, ends_at = ${isOwn} statement_timestamp() ELSE ends_at END
WHERE name = $1 AND ${waitingAtMost(rowShare * endTimeoutMs)} RETURNING holder, ${notifyQueue('(owner IS NULL OR ends_at <= statement_timestamp())', 4)} AS notified`;
}

/** A message has at most 8,000 bytes. Callers further behind find out by a look. */
export const maxToldEntries = 200;

function notifyQueue(condition: string, channelAt: number): string {
  return `CASE WHEN ${condition} AND cardinality(waiting) > 0
  THEN pg_notify($${channelAt}, 'f' || $${channelAt + 1} || ' ' || array_to_string(waiting[:${maxToldEntries}], ' ')) END`;
}
