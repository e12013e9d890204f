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

/** The names that pg has for settings of a service file. Others go to pg under their own name, as from a URL. */
const pgNames: Record<string, string> = { dbname: 'database', hostaddr: 'host' };

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

/** pg reads the password file as well, with a warning that it will not do so for ever. */
function withPasswordFile(Client: ClientConstructor, env: NodeJS.ProcessEnv): ClientConstructor {
  return class extends Client {
    constructor(options: object) {
      super(options);
      this.password ??= async () => readPassword(this, env);
    }
  };
}

/** The options for pg: the connection string, or what the service file says. */
function readTarget(connectionString: string | undefined, env: NodeJS.ProcessEnv): object {
  const { service = env.PGSERVICE, rest } = takeService(connectionString);
  if (service === undefined || service === '') return rest === undefined ? {} : { connectionString: rest };
  const found = readService(service, env);
  // Without a host in it, the URL adds only its parameters: what the service says is the target.
  return rest === undefined ? toPgOptions(found) : { ...toPgOptions(found), ...explicitParts(rest) };
}

/** Takes the parameter `service` out of a URL. */
function takeService(connectionString: string | undefined): {
  service?: string | undefined;
  rest?: string | undefined;
} {
  if (connectionString === undefined) return {};
  const [base = '', query] = connectionString.split('?', 2);
  const params = new URLSearchParams(query);
  const service = params.get('service') ?? undefined;
  if (service === undefined) return { rest: connectionString };
  params.delete('service');
  return { service, rest: params.size > 0 ? `${base}?${params}` : base };
}

/** What a URL says itself, besides the service that it names. */
function explicitParts(url: string): object {
  const [, user, host, port, database] =
    /^\w+:\/\/(?:([^:@/]*)(?::[^@/]*)?@)?([^:/?]*)(?::(\d+))?(?:\/([^?]*))?/.exec(url) ?? [];
  const parts = { user, host, port: port === undefined ? undefined : Number(port), database };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined && value !== ''));
}

function toPgOptions(service: Service): object {
  const { sslmode, ...settings } = service;
  const options = Object.fromEntries(Object.entries(settings).map(([name, value]) => [pgNames[name] ?? name, value]));
  if (sslmode === undefined || sslmode === 'disable') return options;
  return { ...options, ssl: sslmode === 'no-verify' ? { rejectUnauthorized: false } : true };
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
