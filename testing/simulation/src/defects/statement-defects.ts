/** A mistake in the SQL of token-store-postgres: the model, whose answers are compared with those of a real server, does not make it. */
export interface StatementDefect {
  readonly name: string;
  /** As `statementsFor` calls it. */
  readonly statement: string;
  /** In all places where it stands. */
  readonly from: string;
  readonly to: string;
}

/** A different answer comes within so many sequences, from seed 1 on. */
export const foundWithin = 20;

export const statementDefects: readonly StatementDefect[] = [
  defect(
    "releases another call's lease",
    'release',
    'WHERE name = $1 AND owner = $2 AND',
    'WHERE name = $1 AND $2::text IS NOT NULL AND',
  ),
  defect(
    'tells waiting callers of a release although none waits',
    'release',
    'CASE WHEN wanted_until > statement_timestamp() THEN',
    'CASE WHEN true THEN',
  ),
  defect(
    'believes the clock of the server at each try',
    'take',
    'OR ($7::boolean AND l.ends_at <= statement_timestamp())',
    'OR ($7::boolean IS NOT NULL AND l.ends_at <= statement_timestamp())',
  ),
  defect(
    'begins the lease when the row is locked',
    'take',
    '$3::text, statement_timestamp() + $4::float8',
    '$3::text, clock_timestamp() + $4::float8',
  ),
  defect(
    'gives the lease of the next call the fencing number of the one before',
    'take',
    'THEN l.fence ELSE l.fence + 1 END',
    'THEN l.fence ELSE l.fence END',
  ),
  defect(
    'lets a statement that arrives late shorten the lease',
    'take',
    'THEN greatest(l.ends_at, excluded.ends_at) WHEN',
    'THEN excluded.ends_at WHEN',
  ),
  defect(
    'does not note that a caller waits',
    'take',
    'THEN l.wanted_until ELSE statement_timestamp() + 1.4',
    'THEN l.wanted_until ELSE statement_timestamp() - 1.4',
  ),
  defect(
    'lets what is noted of a waiting caller run out before it asks again',
    'take',
    'statement_timestamp() + $5::float8 * interval',
    'statement_timestamp() + $5::float8 / 2 * interval',
  ),
  defect(
    'renews a lease with another fencing number',
    'renew',
    'AND fence = $3::bigint AND',
    'AND $3::bigint IS NOT NULL AND',
  ),
  defect(
    'renews by the time at which the statement came',
    'renew',
    'ends_at = clock_timestamp()',
    'ends_at = statement_timestamp()',
  ),
  defect('writes over another version', 'write', 'AND revision = $6::text AND', 'AND $6::text IS NOT NULL AND'),
  defect(
    'inserts although the lease is lost',
    'write',
    'WHERE $6::text IS NULL AND EXISTS (SELECT FROM key_row) AND EXISTS (SELECT FROM held)',
    'WHERE $6::text IS NULL AND EXISTS (SELECT FROM key_row)',
  ),
  defect(
    'writes although the lease is lost',
    'write',
    'AND EXISTS (SELECT FROM key_row) AND EXISTS (SELECT FROM held) RETURNING 1',
    'AND EXISTS (SELECT FROM key_row) RETURNING 1',
  ),
  defect(
    'needs the key to sign out',
    'write',
    'num_nonnulls($2::json, $3::bytea) = 0',
    'num_nonnulls($2::json, $3::bytea) > 2',
  ),
  defect('forgets what was written before', 'write', '(r.revision || r.earlier)', 'r.earlier'),
];

function defect(name: string, statement: string, from: string, to: string): StatementDefect {
  return { name, statement, from, to };
}
