import { EventEmitter } from 'node:events';
import { userInfo } from 'node:os';
import { TokenStoreError } from 'token-store-kit';
import type { Settings } from '../options.ts';
import { Database, destroySocket, ownPoolSize } from './database.ts';
import { isFileError } from './database-error.ts';
import type { ClientConstructor, ClientInternals, PgPool, PgSocket } from './pg-pool.ts';

/** pg would wait without limit. */
const connectTimeoutMs = 4_000;

/** The database of the caller's pool, or of a small one of its own. Nothing is connected yet. */
export async function openDatabase(settings: Settings): Promise<Database> {
  const pool = settings.pool ?? (await openOwnPool(settings));
  const { Client: PoolClient } = pool as { Client?: ClientConstructor };
  // That of the own pool is wrapped already.
  const Client = settings.pool && PoolClient ? withLateErrors(PoolClient) : PoolClient;
  return new Database(nameOf(Client, pool.options), pool, Client, settings.pool === undefined);
}

/** Its connections do not keep the process alive while they are unused. */
async function openOwnPool({ connectionString }: Settings): Promise<PgPool> {
  const { Pool, Client } = await loadPg();
  const target = connectionString === undefined ? {} : { connectionString };
  try {
    new Client(target);
  } catch (error) {
    // The error of the URL's parser quotes the whole of it, with the password.
    if (!isFileError(error))
      throw new TypeError('connectionString must be like postgresql://user@host:5432/database?sslmode=verify-full');
  }
  return new Pool({
    connectionTimeoutMillis: connectTimeoutMs,
    fallback_application_name: 'token-store-postgres',
    keepAlive: true,
    ...target,
    Client: withLateErrors(withLibpqDefaults(Client)),
    max: ownPoolSize,
    allowExitOnIdle: true,
  });
}

/**
 * What pg throws where nobody can catch it fails the connection instead of the process. Its constructor reads the files that a URL names,
 * also in timers of pg-pool; a listener of the socket throws for a message that it does not know, as one that asks for Kerberos; and while
 * it connects, it emits what it cannot do, such as MD5 on a system without it.
 */
function withLateErrors(Client: ClientConstructor): ClientConstructor {
  return new Proxy(Client, {
    construct(_, [options]) {
      try {
        const client = new Client(options);
        const { connection } = client as ClientInternals;
        for (const event of ['connect', 'sslconnect']) connection?.on(event, () => endOnThrow(connection.stream));
        client.on('error', () => destroySocket(client));
        return client;
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

/** What PostgreSQL's own programs take if nothing is named: the password file, and the name of the system's user. */
function withLibpqDefaults(Client: ClientConstructor): ClientConstructor {
  return class extends Client {
    constructor(options: object) {
      super(options);
      // pg knows only USER, which cron does not set.
      if (this.user === undefined) {
        this.user = systemUser();
        this.database ??= this.user;
        Object.assign(this.connectionParameters, { user: this.user, database: this.database });
      }
      // pg asks the same package, but prints a warning that it will stop doing so.
      this.password ??= async (target: object) => {
        // @ts-expect-error: it has no types.
        const { default: readPasswordFile } = await import('pgpass');
        return new Promise((resolve) => readPasswordFile(target, resolve));
      };
    }
  };
}

/** Undefined in a container, for a user id without an account. */
function systemUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
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

/** Host, port and name of the database, for messages. */
function nameOf(Client: ClientConstructor | undefined, options: object): string {
  const { host, port, database } = Client ? new Client(options) : {};
  if (host === undefined) return 'PostgreSQL';
  return `PostgreSQL at ${host}:${port}${database ? `, database ${database}` : ''}`;
}
