import { TokenStoreError, type TokenStoreErrorCode, type TokenStoreErrorReason } from 'token-store-kit';

/** The TokenStoreError for an error of the server or the network. `problem` continues a sentence that begins with the database's name. */
type Failure = [code: TokenStoreErrorCode, reason: TokenStoreErrorReason | undefined, problem: string, remedy?: string];

const again = 'Try again. If it happens again, ';
const gone = 'does not answer in time, or ended the connection';
/** Names locked tables as well: on a caller's pool, a statement waits for a table lock before its own lock_timeout takes effect. */
const check =
  'check the server, its address and the files that the address names, and whether another session has locked the tables (VACUUM FULL, ALTER TABLE): pg_blocking_pids() names it';
const unreachable: Failure = ['STORE_OPEN', 'unreachable', gone, `${again}${check}`];
const grant =
  'Check user, pg_hba.conf and password (PGPASSWORD, or a file named by PGPASSFILE), and GRANT the role what it needs';
const noAccess: Failure = ['STORE_OPEN', 'no-permission', 'refuses this role', grant];
const grantAll =
  'GRANT it SELECT, INSERT and UPDATE on the tables; with row-level security, use a name that its policy allows. If there are no tables yet, open the store once as the owner of the schema';
const noWrite: Failure = ['STORE_READONLY', 'no-permission', 'does not let this role write', grantAll];
/** Also for 57014: statement_timeout or an administrator ended a statement that took too long for any reason. */
const otherSession =
  'was kept waiting by another session (VACUUM FULL, ALTER TABLE, or a transaction that was left open)';
const endIt = `${again}end that session: pg_blocking_pids() names it`;
const locked: Failure = ['STORE_BUSY', 'database-locked', otherSession, endIt];
const broken = 'has damaged data, or another program changed the tables';
const damaged: Failure = ['STORE_CORRUPT', 'damaged', broken, 'Restore them from a backup'];
const moved: Failure = ['STORE_OPEN', 'moved', 'has lost the tables', 'Open the store again'];
const readOnlyServer = 'is read-only: it is a standby, or was configured so';

/** By SQLSTATE, else by its class, the first two characters (PostgreSQL's manual, Appendix A). */
const failures: Record<string, Failure> = {
  '08': unreachable,
  '25006': ['STORE_READONLY', 'read-only-server', readOnlyServer, 'Connect to the primary'],
  // idle_in_transaction_session_timeout ended the session.
  '25P03': unreachable,
  '28': noAccess,
  '3D000': ['STORE_OPEN', 'no-database', 'does not exist', 'Create it, or correct its name'],
  '3F': moved,
  '40': locked,
  '42': damaged,
  '42501': noAccess,
  '42P01': moved,
  '53': unreachable,
  '53100': ['STORE_FULL', undefined, 'is on a full disk, and nothing was changed', 'Free some space and try again'],
  '55': locked,
  '57': unreachable,
  '57014': locked,
  '58': ['STORE_OPEN', 'disk', 'could not read or write its disk', 'Check the server'],
  XX: damaged,
};

type ForeignError = Readonly<Partial<Record<'code' | 'message' | 'path' | 'severity' | 'syscall', unknown>>>;

/** The SQLSTATE. Undefined if the error does not come from the server. */
function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = Object(error) as ForeignError;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined ? code : undefined;
}

/** Whether the connection ended before the answer came: the server may have run the statement. */
export function isConnectionLoss(error: unknown): boolean {
  return /^(08|57P|25P03$)/.test(sqlStateOf(error) ?? '08');
}

/** SQLSTATEs whose messages may be shown: they name users, databases, tables and addresses, and never a value of a statement. */
const safeStates = /^(08|25|28|3D|53|55|57|58|42501)/;
const readTimeout = 'Query read timeout';
/** The error for a statement whose answer did not come in time. */
export const lateError = new Error(readTimeout);
/** pg-pool's message. */
export const poolEnded = 'Cannot use a pool after calling end on the pool';
/** Messages of pg and pg-pool that come without a code, and never quote a value. */
const safeMessages = new RegExp(
  `${readTimeout}|timeout exceeded when trying to connect|Connection terminated( due to connection timeout| unexpectedly)?|${poolEnded}|Unknown authenticationOk message type \\d+|The server does not support SSL connections|client password must be a (non-empty )?string|Client has encountered a connection error and is not queryable`,
);

/** pg's error may quote a statement or a row. So `cause` is a new error: with the same code, and the message only if it quotes no value. */
export function toStoreError(database: string, error: unknown, isWrite: boolean): TokenStoreError {
  const { code: foreignCode, message, path, syscall } = Object(error) as ForeignError;
  const text = String(message);
  const state = sqlStateOf(error);
  let detail: string;
  if (state !== undefined) detail = safeStates.test(state) ? `${state}: ${text}` : `SQLSTATE ${state}`;
  // For errors of the system, of TLS and of pg, the code is enough. An AggregateError of connect() has an empty message.
  else if (typeof foreignCode === 'string') detail = [syscall, foreignCode, path].filter(Boolean).join(' ');
  else detail = safeMessages.exec(text)?.[0] ?? 'connection failed';
  const cause = Object.assign(new Error(detail), typeof foreignCode === 'string' && { code: foreignCode });
  const [code, reason, problem, remedy] = failureOf(state, text, isWrite);
  return new TokenStoreError(code, `${database} ${problem} (${detail})`, { reason, remedy, cause });
}

/** An error without an SQLSTATE is a failure of the network or of the driver. */
function failureOf(state = '08', message: string, isWrite: boolean): Failure {
  if (message.includes('client password must be')) return noAccess;
  if (isWrite && state === '42501') return noWrite;
  return failures[state] ?? failures[state.slice(0, 2)] ?? ['STORE_OPEN', undefined, 'reported an unexpected error'];
}
