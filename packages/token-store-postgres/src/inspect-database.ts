import { settled, type TokenStoreError } from 'token-store-kit';
import type { Database, Row } from './connection/database.ts';
import { openDatabase } from './connection/own-pool.ts';
import { destroySocket } from './connection/pg-client.ts';
import { type PostgresTokenStoreOptions, readOptions } from './options.ts';
import { findState, readMeta } from './records/open-tables.ts';
import { nameOf, statementsFor, tableNames } from './statements.ts';

/** What {@link inspectPostgresTokenStore} has found. No token, key or password is in it. */
export interface PostgresInspection {
  /** For example `17.6`. */
  readonly serverVersion: string;
  /** Whether the server takes no writes, because it is a standby or was set to read-only. */
  readonly isReadOnly: boolean;
  /** What is between this host and the server. Undefined if the connection leads to the server itself. */
  readonly pooler?: PoolerInspection | undefined;
  /** Undefined if no schema of the search_path exists. */
  readonly schema: string | undefined;
  /** `unreadable`: the role may not read the table that tells which program made the tables. */
  readonly tables: 'ours' | 'missing' | 'foreign' | 'newer' | 'unreadable';
  /** Whether the tokens are encrypted with a key. Undefined unless the tables are ours. */
  readonly hasKey?: boolean;
  /**
   * The rights that a host needs and the role lacks, for example `INSERT ON public.oauth_token`. If the tables are missing, and the role
   * may not make them: `CREATE ON SCHEMA public`.
   */
  readonly missingRights: readonly string[];
  /** The locks that are held now. Empty if the role may not read them. */
  readonly locks: readonly HeldLock[];
}

/** A pooler, such as pgbouncer. */
export interface PoolerInspection {
  /**
   * pgbouncer's `server_login_retry` in ms: how long after a failed connection to the server pgbouncer refuses to try again. Undefined for
   * another pooler, or if pgbouncer does not answer this role: it answers those in its `stats_users` and `admin_users`.
   */
  readonly serverLoginRetry: number | undefined;
}

/** A lock that a caller of `exclusively` holds. */
export interface HeldLock {
  readonly name: string;
  /** Process and host. */
  readonly holder: string;
}

/** The rights that a host needs on each table. INSERT is the last one, because the last table keeps its one row and needs no INSERT. */
const neededRights = ['SELECT', 'UPDATE', 'INSERT'];

const inspectRights = `SELECT c.relname AS table, r.right, has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, r.right) AS has
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = $1
  JOIN unnest($2::text[], $3::text[]) AS r (relname, "right") ON r.relname = c.relname`;

/**
 * Inspects a database, to find out why something does not work, or which process holds a lock. Takes the options of
 * `openPostgresTokenStore`. Makes, changes and locks nothing.
 *
 * @throws {TokenStoreError} STORE_OPEN if the database cannot be reached or refuses the role.
 * @throws {TypeError} or RangeError for options that cannot be used.
 */
export async function inspectPostgresTokenStore(options?: PostgresTokenStoreOptions): Promise<PostgresInspection> {
  const settings = readOptions(options);
  const database = await openDatabase(settings);
  try {
    const { state, isDirect } = await findState(database, settings);
    const found = await inspect(database, state, settings.table);
    return { ...found, pooler: isDirect ? undefined : { serverLoginRetry: await askLoginRetry(database) } };
  } finally {
    await database.close();
  }
}

async function inspect(database: Database, server: Row, table: string): Promise<PostgresInspection> {
  const schema = server.schema ?? undefined;
  const found = {
    serverVersion: server.version?.split(' ')[0] ?? '',
    isReadOnly: server.is_read_only === 't',
    schema,
    missingRights: server.may_create === 'f' ? [`CREATE ON SCHEMA ${schema}`] : [],
    locks: [],
  };
  if (schema === undefined || server.found === '0') return { ...found, tables: 'missing' };
  const names = tableNames(table);
  const rights = names.flatMap((name) => neededRights.map((right) => [name, right])).slice(0, -1);
  const values = [schema, rights.map(([name]) => name), rights.map(([, right]) => right)];
  const rows = await database.read(inspectRights, () => values);
  found.missingRights = rows.filter(({ has }) => has !== 't').map((row) => `${row.right} ON ${schema}.${row.table}`);
  const mayRead = (name: string): boolean => !found.missingRights.includes(`SELECT ON ${schema}.${name}`);
  const [, leaseTable, metaTable] = names;
  if (!mayRead(metaTable)) return { ...found, tables: 'unreadable' };
  const statements = statementsFor(schema, table);
  try {
    const check = await readMeta(database, statements);
    const locks = mayRead(leaseTable) ? await database.read(statements.locks, () => [[]]) : [];
    const held = locks.filter((lock) => Number(lock.left_ms) > 0);
    return {
      ...found,
      tables: 'ours',
      hasKey: check !== undefined,
      locks: held.map((lock) => ({ name: nameOf(lock), holder: String(lock.holder) })),
    };
  } catch (error) {
    const { code, reason } = error as TokenStoreError;
    if (code === 'STORE_VERSION') return { ...found, missingRights: [], tables: 'newer' };
    if (reason === 'foreign') return { ...found, missingRights: [], tables: 'foreign' };
    throw error;
  }
}

/** How long to wait for the answer of pgbouncer's admin database. */
const loginRetryTimeoutMs = 2_000;

async function askLoginRetry({ newClient }: Database): Promise<number | undefined> {
  const client = newClient?.();
  if (!client) return undefined;
  try {
    Object.assign(client.connectionParameters, { database: 'pgbouncer' });
    const asking = client.connect().then(() => client.query('SHOW CONFIG'));
    if (!(await settled(asking, loginRetryTimeoutMs))) return undefined;
    const { rows } = await asking;
    const seconds = rows.find(({ key }) => key === 'server_login_retry')?.value;
    return seconds ? Number(seconds) * 1_000 : undefined;
  } catch {
    return undefined;
  } finally {
    destroySocket(client);
  }
}
