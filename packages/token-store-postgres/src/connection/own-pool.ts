import { TokenStoreError } from 'token-store-kit';
import type { Settings } from '../options.ts';
import { readPassword, readService, type Service } from './password-file.ts';
import type { ClientConstructor, PgPool } from './pg-pool.ts';

/** The parts of `pg` that are used here. */
interface Pg {
  readonly Pool: new (options: object) => unknown;
  readonly Client: ClientConstructor;
}

/** pg would wait without limit. */
const connectTimeoutMs = 5_000;

/**
 * Makes a small pool. Its connections do not keep the process alive while they are unused.
 *
 * @throws {TypeError} if the connection string cannot be read.
 */
export async function openOwnPool(
  settings: Settings,
  env: NodeJS.ProcessEnv,
): Promise<{ pool: PgPool; Client: ClientConstructor }> {
  const pg = await loadPg();
  const { connectionString, maxConnections, idleTimeoutMs } = settings;
  const target = readTarget(connectionString, env);
  const Client = withPasswordFile(pg.Client, env);
  try {
    new Client(target);
  } catch {
    // The error of the URL's parser quotes the whole of it, with the password.
    throw new TypeError('connectionString must be like postgresql://user@host:5432/database?sslmode=verify-full');
  }
  const pool = new pg.Pool({
    connectionTimeoutMillis: connectTimeoutMs,
    fallback_application_name: 'token-store-postgres',
    keepAlive: true,
    ...target,
    Client,
    max: maxConnections,
    idleTimeoutMillis: idleTimeoutMs,
    allowExitOnIdle: true,
  });
  return { pool: pool as PgPool, Client };
}

/** pg reads the password file as well, but prints a warning that it will stop doing so. */
function withPasswordFile(Client: ClientConstructor, env: NodeJS.ProcessEnv): ClientConstructor {
  return class extends Client {
    constructor(options: object) {
      super(options);
      this.password ??= async () => readPassword(this, env);
    }
  };
}

/** The options for pg. A service is written as a URL, because pg reads certificates and the like only from URLs. */
function readTarget(connectionString: string | undefined, env: NodeJS.ProcessEnv): object {
  const [, query = ''] = connectionString?.split('?', 2) ?? [];
  const { service = env.PGSERVICE, ...params } = Object.fromEntries(new URLSearchParams(query));
  if (service) {
    const parts = connectionString === undefined ? {} : partsOf(connectionString);
    return { connectionString: toUrl({ ...readService(service, env), ...params, ...parts }, env) };
  }
  return connectionString === undefined ? {} : { connectionString };
}

/** What a URL says before its parameters, by the names of libpq. */
function partsOf(url: string): Service {
  const [, user, password, host, port, dbname] =
    /^\w+:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^:/?]*)(?::(\d+))?(?:\/([^?]*))?/.exec(url) ?? [];
  const parts = Object.entries({ user, password, host, port, dbname }).filter(([, value]) => value);
  return Object.fromEntries(parts.map(([name, value]) => [name, decodeURIComponent(value as string)]));
}

function toUrl(
  { user = '', password = '', port = '', dbname = '', hostaddr, ...rest }: Service,
  env: NodeJS.ProcessEnv,
): string {
  const { host = hostaddr ?? env.PGHOST ?? 'localhost', ...params } = rest;
  const secret = password === '' ? '' : `:${encodeURIComponent(password)}`;
  const login = user === '' ? '' : `${encodeURIComponent(user)}${secret}@`;
  // As a parameter, the host may also be the folder of a socket.
  const query = new URLSearchParams({ ...params, host });
  return `postgresql://${login}localhost${port === '' ? '' : `:${port}`}/${encodeURIComponent(dbname)}?${query}`;
}

async function loadPg(): Promise<Pg> {
  try {
    const { default: pg } = await import('pg');
    return pg as unknown as Pg;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message = 'token-store-postgres needs the package pg, which is not installed. Run: npm install pg';
    throw new TokenStoreError('STORE_OPEN', message, { reason: 'no-driver' });
  }
}

/** Host, port and name of the database, for messages. */
export function nameOf(Client: ClientConstructor | undefined, options: object): string {
  try {
    const { host, port, database } = Client ? new Client(options) : {};
    if (host !== undefined) return `PostgreSQL at ${host}:${port}, database ${database}`;
  } catch {
    // The pool reports it when it connects.
  }
  return 'PostgreSQL';
}
