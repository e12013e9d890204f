/** A mistake in the SQL of token-store-postgres: the model, whose answers are compared with those of a real server, does not make it. */
export interface StatementDefect {
  readonly name: string;
  /** As `statementsFor` calls it. */
  readonly statement: string;
  /** In all places where it stands. */
  readonly from: string;
  readonly to: string;
  /** A different answer comes within so many sequences, from seed 1 on. */
  readonly within: number;
}

export const statementDefects: readonly StatementDefect[] = [
  {
    name: "releases another call's lease",
    statement: 'release',
    from: 'WHERE name = $1 AND owner = $2 AND',
    to: 'WHERE name = $1 AND $2::text IS NOT NULL AND',
    within: 20,
  },
  {
    name: 'tells waiting callers of a release although none waits',
    statement: 'release',
    from: 'CASE WHEN wanted_until > statement_timestamp() THEN',
    to: 'CASE WHEN true THEN',
    within: 20,
  },
  {
    name: 'believes the clock of the server at each try',
    statement: 'take',
    from: 'OR ($7::boolean AND l.ends_at <= statement_timestamp())',
    to: 'OR ($7::boolean IS NOT NULL AND l.ends_at <= statement_timestamp())',
    within: 20,
  },
  {
    name: 'begins the lease when the row is locked',
    statement: 'take',
    from: '$3::text, statement_timestamp() + $4::float8',
    to: '$3::text, clock_timestamp() + $4::float8',
    within: 20,
  },
  {
    name: 'gives the lease of the next call the fencing number of the one before',
    statement: 'take',
    from: 'THEN l.fence ELSE l.fence + 1 END',
    to: 'THEN l.fence ELSE l.fence END',
    within: 20,
  },
  {
    name: 'lets a statement that arrives late shorten the lease',
    statement: 'take',
    from: 'THEN greatest(l.ends_at, excluded.ends_at) WHEN',
    to: 'THEN excluded.ends_at WHEN',
    within: 20,
  },
  {
    name: 'does not note that a caller waits',
    statement: 'take',
    from: 'THEN l.wanted_until ELSE statement_timestamp() + 1.4',
    to: 'THEN l.wanted_until ELSE statement_timestamp() - 1.4',
    within: 20,
  },
  {
    name: 'renews a lease with another fencing number',
    statement: 'renew',
    from: 'AND fence = $3::bigint AND',
    to: 'AND $3::bigint IS NOT NULL AND',
    within: 20,
  },
  {
    name: 'renews by the time at which the statement came',
    statement: 'renew',
    from: 'ends_at = clock_timestamp()',
    to: 'ends_at = statement_timestamp()',
    within: 20,
  },
  {
    name: 'writes over another version',
    statement: 'write',
    from: 'AND revision = $6::text AND',
    to: 'AND $6::text IS NOT NULL AND',
    within: 20,
  },
  {
    name: 'inserts although the lease is lost',
    statement: 'write',
    from: 'WHERE $6::text IS NULL AND EXISTS (SELECT FROM key_row) AND EXISTS (SELECT FROM held)',
    to: 'WHERE $6::text IS NULL AND EXISTS (SELECT FROM key_row)',
    within: 20,
  },
  {
    name: 'writes although the lease is lost',
    statement: 'write',
    from: 'AND EXISTS (SELECT FROM key_row) AND EXISTS (SELECT FROM held) RETURNING 1',
    to: 'AND EXISTS (SELECT FROM key_row) RETURNING 1',
    within: 20,
  },
  {
    name: 'needs the key to sign out',
    statement: 'write',
    from: 'num_nonnulls($2::json, $3::bytea) = 0',
    to: 'num_nonnulls($2::json, $3::bytea) > 2',
    within: 20,
  },
  {
    name: 'forgets what was written before',
    statement: 'write',
    from: '(r.revision || r.earlier)',
    to: 'r.earlier',
    within: 20,
  },
];
