import { TokenStoreError, type TokenStoreErrorCode, type TokenStoreErrorReason } from 'token-store-kit';

/** What an error of the server or of the network means to the caller. */
interface Failure {
  readonly code: TokenStoreErrorCode;
  readonly reason?: TokenStoreErrorReason;
  /** Goes on after the name of the database. */
  readonly message: string;
}

const unreachable: Failure = {
  code: 'STORE_OPEN',
  reason: 'unreachable',
  message: 'does not answer, or ended the connection. Try again; if it stays so, check the address and the server',
};
const noAccess: Failure = {
  code: 'STORE_OPEN',
  reason: 'no-permission',
  message: 'refuses this role. Check user, password and pg_hba.conf, and GRANT the role what it needs',
};
/** pg gave up: the server has the statement, but no answer came. A statement waits for a locked table before it can limit its wait. */
const silent: Failure = {
  ...unreachable,
  message:
    'does not answer a statement in time. Try again; if it stays so, check the server, and whether another session has locked the tables (VACUUM FULL, ALTER TABLE): pg_blocking_pids() names it',
};
const locked: Failure = {
  code: 'STORE_BUSY',
  reason: 'database-locked',
  message:
    'was kept waiting by another session (VACUUM FULL, ALTER TABLE, or a transaction that was left open). Try again; if it stays so, end that session: pg_blocking_pids() names it',
};
const canceled: Failure = {
  code: 'STORE_BUSY',
  reason: 'database-locked',
  message:
    'canceled the statement, because it took longer than statement_timeout, or an administrator ended it. Try again; if it stays so, check whether another session has locked the tables (VACUUM FULL, ALTER TABLE)',
};
const damaged: Failure = {
  code: 'STORE_CORRUPT',
  reason: 'damaged',
  message: 'has damaged data, or another program changed the tables. Restore them from a backup',
};

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
    message: 'takes no writes: it is a standby, or set to read-only. Connect to the primary',
  },
  '28': noAccess,
  '42501': noAccess,
  '3D000': {
    code: 'STORE_OPEN',
    reason: 'no-database',
    message: 'does not exist. Create it, or correct its name',
  },
  '53100': {
    code: 'STORE_FULL',
    message: 'is on a full disk, and nothing was changed. Free some space and try again',
  },
  '57014': canceled,
  '55': locked,
  '40': locked,
  '58': { code: 'STORE_OPEN', reason: 'disk', message: 'could not read or write its disk. Check the server' },
  XX: damaged,
  '42P01': { code: 'STORE_OPEN', reason: 'moved', message: 'has lost the tables. Open the store again' },
  '3F': { code: 'STORE_OPEN', reason: 'moved', message: 'has lost the schema of the tables. Open the store again' },
  '42': damaged,
};

const noWrite: Failure = {
  code: 'STORE_READONLY',
  reason: 'no-permission',
  message: 'lets this role read, but not write. GRANT it SELECT, INSERT, UPDATE and DELETE on the tables',
};

const other: Failure = { code: 'STORE_OPEN', message: 'could not do what it was asked to' };

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
  if (state === undefined) return true;
  return state.startsWith('08') || /^57P|^25P03$/.test(state);
}

/**
 * The TokenStoreError for an error of pg. pg's own error may quote a statement or a row, so it is not the cause. The cause has its
 * code, and its message only if that cannot quote a value.
 */
export function toStoreError(database: string, error: unknown, isWrite = false): TokenStoreError {
  if (error instanceof TokenStoreError) return error;
  const state = sqlStateOf(error);
  const found =
    state === undefined ? failureOfConnection(error) : (failures[state] ?? failures[state.slice(0, 2)] ?? other);
  const { code, reason, message } = isWrite && state === '42501' ? noWrite : found;
  const detail = describe(error);
  return new TokenStoreError(code, `${database} ${message} (${detail})`, { reason, cause: causeOf(error, detail) });
}

function failureOfConnection(error: unknown): Failure {
  return String((Object(error) as ForeignError).message).includes(readTimeout) ? silent : unreachable;
}

/** Classes whose messages name users, databases, tables and addresses, and never a value of a statement. */
const tellingStates = /^(08|25|28|3D|53|55|57|58|42501)/;

function describe(error: unknown): string {
  const { code, message, syscall } = Object(error) as ForeignError;
  const state = sqlStateOf(error);
  if (state !== undefined) return tellingStates.test(state) ? `${state}: ${String(message)}` : `SQLSTATE ${state}`;
  // Errors of the system, of TLS and of pg: their codes say it all. AggregateErrors of connect() have an empty message.
  if (typeof code === 'string') return typeof syscall === 'string' ? `${syscall} ${code}` : code;
  return safeMessages.find((safe) => String(message).includes(safe)) ?? 'connection failed';
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

function causeOf(error: unknown, detail: string): Error {
  const cause: Error & { code?: unknown } = new Error(detail);
  const { code } = Object(error) as ForeignError;
  if (typeof code === 'string') cause.code = code;
  return cause;
}
