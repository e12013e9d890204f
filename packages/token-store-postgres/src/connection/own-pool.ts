import { EventEmitter } from 'node:events';
import { TokenStoreError } from 'token-store-kit';
import type { Settings } from '../options.ts';
import { Database, maxStatements } from './database.ts';
import { type ClientConstructor, destroySocket, type FullClient, type PgPool, type PgSocket } from './pg-client.ts';

/** pg would wait without limit. */
const connectTimeoutMs = 4_000;

/** The database of the caller's pool, or of a small one of its own. Nothing is connected yet. */
export async function openDatabase({ pool: given, connectionString }: Settings): Promise<Database> {
  if (given) {
    const { Client } = given as { Client?: ClientConstructor };
    return newDatabase(given, Client && prepared(Client), false);
  }
  const pg = await loadPg();
  try {
    new pg.Client({ connectionString });
  } catch (error) {
    // The error of the URL's parser quotes the whole of it, with the password. A file that it names may come later.
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
    // Its connections do not keep the process alive while they are unused.
    allowExitOnIdle: true,
  });
  return newDatabase(pool, Client, true);
}

/** Its name is host, port and name of the database, for messages. */
function newDatabase(pool: PgPool, Client: ClientConstructor | undefined, isOwn: boolean): Database {
  const newClient = Client && (() => new Client(pool.options));
  const { host, port, database } = newClient?.() ?? {};
  const place = host === undefined ? '' : ` at ${host}:${port}${database ? `, database ${database}` : ''}`;
  return new Database(`PostgreSQL${place}`, pool, newClient, isOwn);
}

/**
 * pg's client, which reads the password file. What pg throws or emits where no caller can catch it fails the connection instead of the process:
 * its constructor reads the files that a URL names, also in timers of pg-pool; a listener of the socket throws for a message that it does not
 * know, as one that asks for Kerberos; and while it connects, it emits what it cannot do, such as MD5 on a system without it.
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
  // To ask pgbouncer, the database is changed: the file has the password for this one.
  const { host, port, user, database } = client;
  // pg asks the same package, but prints a warning that it will stop doing so.
  client.password ??= async () => {
    // @ts-expect-error: it has no types.
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
