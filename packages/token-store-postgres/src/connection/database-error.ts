import { TokenStoreError, type TokenStoreErrorCode, type TokenStoreErrorReason } from 'token-store-kit';

/** What an error of the server or of the network means to the caller. */
interface Failure {
  readonly code: TokenStoreErrorCode;
  readonly reason?: TokenStoreErrorReason;
  /** Goes on after the name of the database. */
  readonly problem: string;
  readonly remedy?: string;
}

const unreachable: Failure = {
  code: 'STORE_OPEN',
  reason: 'unreachable',
  problem: 'does not answer, or ended the connection',
  remedy: 'Try again; if it stays so, check the address and the server',
};
/** pg gave up: the server has the statement, but no answer came. A statement waits for a locked table before it can limit its wait. */
const silent: Failure = {
  ...unreachable,
  problem: 'does not answer a statement in time',
  remedy:
    'Try again; if it stays so, check the server, and whether another session has locked the tables (VACUUM FULL, ALTER TABLE): pg_blocking_pids() names it',
};
const noAccess: Failure = {
  code: 'STORE_OPEN',
  reason: 'no-permission',
  problem: 'refuses this role',
  remedy: 'Check user, password and pg_hba.conf, and GRANT the role what it needs',
};
const noWrite: Failure = {
  code: 'STORE_READONLY',
  reason: 'no-permission',
  problem: 'lets this role read, but not write',
  remedy: 'GRANT it SELECT, INSERT, UPDATE and DELETE on the tables',
};
const locked: Failure = {
  code: 'STORE_BUSY',
  reason: 'database-locked',
  problem: 'was kept waiting by another session (VACUUM FULL, ALTER TABLE, or a transaction that was left open)',
  remedy: 'Try again; if it stays so, end that session: pg_blocking_pids() names it',
};
const damaged: Failure = {
  code: 'STORE_CORRUPT',
  reason: 'damaged',
  problem: 'has damaged data, or another program changed the tables',
  remedy: 'Restore them from a backup',
};
const moved: Failure = {
  code: 'STORE_OPEN',
  reason: 'moved',
  problem: 'has lost the tables',
  remedy: 'Open the store again',
};
const other: Failure = { code: 'STORE_OPEN', problem: 'could not do what it was asked to' };

/** By SQLSTATE, else by its class, the first two characters (PostgreSQL's manual, Appendix A). */
const failures: Record<string, Failure> = {
  '08': unreachable,
  '53': unreachable,
  '57': unreachable,
  // idle_in_transaction_session_timeout ended the session.
  '25P03': unreachable,
  '25006': {
    code: 'STORE_READONLY',
    reason: 'read-only-server',
    problem: 'takes no writes: it is a standby, or set to read-only',
    remedy: 'Connect to the primary',
  },
  '28': noAccess,
  '42501': noAccess,
  '3D000': {
    code: 'STORE_OPEN',
    reason: 'no-database',
    problem: 'does not exist',
    remedy: 'Create it, or correct its name',
  },
  '53100': {
    code: 'STORE_FULL',
    problem: 'is on a full disk, and nothing was changed',
    remedy: 'Free some space and try again',
  },
  '57014': {
    ...locked,
    problem: 'canceled the statement, because it took longer than statement_timeout, or an administrator ended it',
    remedy:
      'Try again; if it stays so, check whether another session has locked the tables (VACUUM FULL, ALTER TABLE): pg_blocking_pids() names it',
  },
  '55': locked,
  '40': locked,
  '58': {
    code: 'STORE_OPEN',
    reason: 'disk',
    problem: 'could not read or write its disk',
    remedy: 'Check the server',
  },
  XX: damaged,
  '42': damaged,
  '42P01': moved,
  '3F': moved,
};

/** What errors of pg and of the system have. */
interface ForeignError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly severity?: unknown;
  readonly syscall?: unknown;
}

/** The SQLSTATE. Undefined if the error does not come from the server. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = Object(error) as ForeignError;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined ? code : undefined;
}

/** Whether the connection ended before the answer came, so that the statement may have taken place. */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined || /^(08|57P|25P03$)/.test(state);
}

/**
 * The TokenStoreError for an error of pg. pg's own error may quote a statement or a row, so it is not the cause. The cause has its
 * code, and its message only if that cannot quote a value.
 */
export function toStoreError(database: string, error: unknown, isWrite: boolean): TokenStoreError {
  const state = sqlStateOf(error);
  const { code, reason, problem, remedy } = failureOf(error, state, isWrite);
  const detail = describe(error, state);
  const cause: Error & { code?: unknown } = new Error(detail);
  const foreign = (Object(error) as ForeignError).code;
  if (typeof foreign === 'string') cause.code = foreign;
  return new TokenStoreError(code, `${database} ${problem} (${detail})`, { reason, remedy, cause });
}

function failureOf(error: unknown, state: string | undefined, isWrite: boolean): Failure {
  if (state === undefined) return messageOf(error).includes(readTimeout) ? silent : unreachable;
  if (isWrite && state === '42501') return noWrite;
  return failures[state] ?? failures[state.slice(0, 2)] ?? other;
}

/** Classes whose messages name users, databases, tables and addresses, and never a value of a statement. */
const tellingStates = /^(08|25|28|3D|53|55|57|58|42501)/;

function describe(error: unknown, state: string | undefined): string {
  if (state !== undefined) return tellingStates.test(state) ? `${state}: ${messageOf(error)}` : `SQLSTATE ${state}`;
  // Errors of the system, of TLS and of pg: their codes say it all. AggregateErrors of connect() have an empty message.
  const { code, syscall } = Object(error) as ForeignError;
  if (typeof code === 'string') return typeof syscall === 'string' ? `${syscall} ${code}` : code;
  return safeMessages.find((safe) => messageOf(error).includes(safe)) ?? 'connection failed';
}

function messageOf(error: unknown): string {
  return String((Object(error) as ForeignError).message);
}

const readTimeout = 'Query read timeout';

/** Messages of pg and pg-pool that come without a code. */
const safeMessages = [
  'timeout exceeded when trying to connect',
  'Connection terminated due to connection timeout',
  'Connection terminated unexpectedly',
  'Connection terminated',
  readTimeout,
  'Cannot use a pool after calling end on the pool',
  'The server does not support SSL connections',
  'Client has encountered a connection error and is not queryable',
];
