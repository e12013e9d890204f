import { EventEmitter } from 'node:events';
import { TokenStoreError } from 'token-store-kit';
import type { Settings } from '../options.ts';
import { Database, maxStatements } from './database.ts';
import { type ClientConstructor, destroySocket, type FullClient, type PgPool, type PgSocket } from './pg-client.ts';

/** pg itself waits without limit. */
const connectTimeoutMs = 4_000;

/** A Database on the caller's pool, or else on a small pool of the store's own. Nothing is connected yet. */
export async function openDatabase({ pool: given, connectionString }: Settings): Promise<Database> {
  if (given) {
    const { Client } = given as { Client?: ClientConstructor };
    return newDatabase(given, Client && prepared(Client), false);
  }
  const pg = await loadPg();
  try {
    new pg.Client({ connectionString });
  } catch (error) {
    // Not the URL parser's error, which quotes the URL with its password. A missing file that the URL names (`syscall`) may appear later.
    if (!('syscall' in Object(error)))
      throw new TypeError('connectionString must be like postgresql://user@host:5432/database?sslmode=verify-full');
  }
  const Client = prepared(pg.Client);
  const pool = new pg.Pool({
    connectionTimeoutMillis: connectTimeoutMs,
    fallback_application_name: 'token-store-postgres',
    connectionString,
    Client,
    max: maxStatements.ownPool,
    // Idle connections do not keep the process alive.
    allowExitOnIdle: true,
  });
  return newDatabase(pool, Client, true);
}

/** Messages name the database by its host, port and name. */
function newDatabase(pool: PgPool, Client: ClientConstructor | undefined, isOwn: boolean): Database {
  const newClient = Client && (() => new Client(pool.options));
  const { host, port, database } = newClient?.() ?? {};
  const place = host === undefined ? '' : ` at ${host}:${port}${database ? `, database ${database}` : ''}`;
  return new Database(`PostgreSQL${place}`, pool, newClient, isOwn);
}

/**
 * pg's client, which also reads the password file. Errors that no caller could catch fail the connection instead of the process: the
 * constructor throws for a file of the URL that it cannot read, also in timers of pg-pool. A socket listener throws for an unknown message,
 * such as a request for Kerberos. While connecting, the client emits an error for what the system lacks, such as MD5.
 */
function prepared(Client: ClientConstructor): ClientConstructor {
  return new Proxy(Client, {
    construct(_, [options]) {
      try {
        return prepare(new Client(options));
      } catch (error) {
        const connect = async (callback?: (reason: unknown) => void): Promise<void> => {
          if (!callback) throw error;
          callback(error);
        };
        return Object.assign(new EventEmitter(), { connect });
      }
    },
  });
}

function prepare(client: FullClient): FullClient {
  const { connection } = client;
  for (const event of ['connect', 'sslconnect']) connection?.on(event, () => endOnThrow(connection.stream));
  client.on('error', () => destroySocket(client));
  // Not from `connectionParameters`: `askLoginRetry` changes the database there, and the password file names this one.
  const { host, port, user, database } = client;
  // pg would use the same package, but with a deprecation warning.
  client.password ??= async () => {
    // @ts-expect-error: the package has no types.
    const { default: readPasswordFile } = await import('pgpass');
    return new Promise((resolve) => readPasswordFile({ host, port, user, database }, resolve));
  };
  return client;
}

function endOnThrow(stream: PgSocket): void {
  const { emit } = stream;
  stream.emit = (...event: Parameters<typeof emit>) => {
    try {
      return emit.apply(stream, event);
    } catch (error) {
      return Boolean(stream.destroy(error as Error));
    }
  };
}

async function loadPg(): Promise<{ Pool: new (options: object) => PgPool; Client: ClientConstructor }> {
  try {
    const { default: pg } = await import('pg');
    return pg as unknown as Awaited<ReturnType<typeof loadPg>>;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const problem = 'token-store-postgres needs the package pg, which is not installed';
    throw new TokenStoreError('STORE_OPEN', problem, { reason: 'no-driver', remedy: 'Run: npm install pg' });
  }
}
