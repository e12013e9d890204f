import { execFile } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  globSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OperatorConnections } from './operator-connections.ts';
import { PgBouncer, type PgBouncerOptions } from './pg-bouncer.ts';
import { ServerProcess } from './server-process.ts';
import { findUser, newFolder, onFreePort, requireTool } from './tools.ts';

const run = promisify(execFile);

export interface ClusterOptions {
  /** Settings of postgresql.conf. By default, writes are not durable, because a test loses nothing with its cluster. */
  settings?: Readonly<Record<string, string>>;
  /** IP addresses to listen on besides 127.0.0.1. Every user may connect there without a password. */
  addresses?: readonly string[];
  /** Lines of pg_hba.conf that come before the one that admits every user. */
  hba?: readonly string[];
}

export interface ConnectionTarget {
  user?: string;
  password?: string;
  host?: string;
  port?: number;
}

const defaultSettings = { fsync: 'off', full_page_writes: 'off', max_connections: '200', shared_buffers: '16MB' };

/** A PostgreSQL cluster of its own, with the superuser `postgres` and no password. */
export class PrivateCluster implements AsyncDisposable {
  readonly port: number;
  /** The folder of the data and the Unix socket. */
  readonly folder: string;
  readonly #options: ClusterOptions;
  readonly #operator: OperatorConnections;
  #server: ServerProcess | undefined;
  #earlierLogs = '';

  private constructor(folder: string, port: number, options: ClusterOptions) {
    this.folder = folder;
    this.port = port;
    this.#options = options;
    this.#operator = new OperatorConnections(folder, port);
  }

  /** Makes a cluster and starts it. */
  static async start(options: ClusterOptions = {}): Promise<PrivateCluster> {
    const folder = newFolder();
    const data = dataIn(folder);
    await run('cp', ['-a', await findTemplate(), data]);
    await run('chown', ['-R', ownerOf(folder), data]);
    return PrivateCluster.#serveOnFreePort(folder, options);
  }

  static #serveOnFreePort(folder: string, options: ClusterOptions): Promise<PrivateCluster> {
    return onFreePort(async (port) => {
      const cluster = new PrivateCluster(folder, port, options);
      await cluster.#serve();
      return cluster;
    });
  }

  /** A standby that replays what this cluster writes. */
  async startStandby(): Promise<PrivateCluster> {
    const folder = newFolder();
    const args = `-h ${this.folder} -p ${this.port} -U postgres -R -c fast -D ${dataIn(folder)}`;
    await runAsServer('pg_basebackup', args.split(' '));
    return PrivateCluster.#serveOnFreePort(folder, this.#options);
  }

  /** pgbouncer in transaction mode before this cluster. */
  startPgBouncer(options?: PgBouncerOptions): Promise<PgBouncer> {
    return PgBouncer.start({ host: this.folder, port: this.port }, options);
  }

  /** The URL of a connection. Default: the superuser, on 127.0.0.1. */
  connectionString({
    user = 'postgres',
    password,
    host = '127.0.0.1',
    port = this.port,
  }: ConnectionTarget = {}): string {
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
    return `postgresql://${user}${secret}@${host}:${port}/postgres`;
  }

  /** The server's log since its first start. */
  get log(): string {
    return this.#earlierLogs + (this.#server?.log ?? '');
  }

  /** Runs statements as the superuser in one transaction. Returns lines of values with `|` between them. */
  query(sql: string): Promise<string> {
    return this.#operator.query(sql);
  }

  /** All rows of all user tables, with the tables' names: the values that pg_dump would write, in its form. */
  async dump(): Promise<string> {
    const tables = await this.query(
      "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' " +
        "AND table_schema NOT IN ('pg_catalog', 'information_schema')",
    );
    const texts = tables
      .split('\n')
      .filter(Boolean)
      .map(async (line) => {
        const name = line
          .split('|')
          .map((part) => `"${part}"`)
          .join('.');
        return `${name}\n${await this.query(`SELECT t::text FROM ${name} AS t`)}\n`;
      });
    return (await Promise.all(texts)).join('\n');
  }

  /** Makes a standby a primary. */
  async promote(): Promise<void> {
    await this.query('SELECT pg_promote()');
  }

  /** Ends the server and its open connections as an operator does; with `kill`, as a power failure does. */
  async stop(how: 'fast' | 'kill' = 'fast'): Promise<void> {
    this.#operator.close();
    // SIGQUIT is PostgreSQL's immediate shutdown: no server process writes any more, and the next start recovers.
    await this.#server?.end(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    this.#earlierLogs = this.log;
    this.#server = undefined;
  }

  /** Starts the server again on the same port. */
  async restart(how?: 'fast' | 'kill'): Promise<void> {
    await this.stop(how);
    await this.#serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('kill');
  }

  get #data(): string {
    return dataIn(this.folder);
  }

  async #serve(): Promise<void> {
    const { settings = {}, addresses = [], hba } = this.#options;
    if (hba) this.#writeAccessRules(hba);
    const options = { ...defaultSettings, ...settings };
    const args = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const listen = ['127.0.0.1', ...addresses].join(',');
    for (const address of addresses)
      appendFileSync(join(this.#data, 'pg_hba.conf'), `host all all ${address}/24 trust\n`);
    const place = `-D ${this.#data} -k ${this.folder} -p ${this.port} -c listen_addresses=${listen}`;
    this.#server = new ServerProcess(requireTool('postgres'), [...place.split(' '), ...args]);
    await this.#server.untilLog('ready to accept');
    // PostgreSQL starts even if it can bind only one of the addresses.
    if (!this.#server.log.includes('could not bind')) return;
    const { log } = this;
    await this.stop('kill');
    throw new Error(`the server does not listen everywhere:\n${log}`);
  }

  #writeAccessRules(hba: readonly string[]): void {
    const path = join(this.#data, 'pg_hba.conf');
    const before = readFileSync(path, 'utf8');
    if (!before.startsWith(hba.join('\n'))) writeFileSync(path, `${hba.join('\n')}\n${before}`);
  }
}

/**
 * The result of initdb, which takes longer than the rest of a start. It is made once for each version of PostgreSQL. It is small, because
 * each cluster is a copy of it: without the template databases, and without spare files for the write-ahead log.
 */
async function findTemplate(): Promise<string> {
  const { stdout } = await run(requireTool('initdb'), ['--version']);
  const version = /\d[\w.]*/.exec(stdout)?.[0];
  const template = join(import.meta.dirname, `../node_modules/.cache/small-cluster-${version}`);
  if (existsSync(template)) return template;
  const made = join(newFolder(), 'data');
  const args = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--wal-segsize=1', '--no-sync'];
  await runAsServer('initdb', [...args, '-D', made]);
  const allowDrop = 'UPDATE pg_database SET datistemplate = false';
  const statements = [allowDrop, 'DROP DATABASE template0', 'DROP DATABASE template1'];
  await runAsServer('postgres', ['--single', '-D', made, 'postgres'], statements.join('\n'));
  const [, ...unused] = globSync(join(made, 'pg_wal/????????????????????????')).sort();
  for (const segment of unused) rmSync(segment);
  // Another process may make the template at the same time: the first complete one is kept.
  const copy = `${template}-${process.pid}`;
  await run('mkdir', ['-p', join(template, '..')]);
  await run('cp', ['-a', made, copy]);
  try {
    renameSync(copy, template);
  } catch {
    rmSync(copy, { recursive: true });
  }
  return template;
}

function dataIn(folder: string): string {
  return join(folder, 'data');
}

function ownerOf(folder: string): string {
  const { uid, gid } = statSync(folder);
  return `${uid}:${gid}`;
}

async function runAsServer(tool: string, args: readonly string[], input = ''): Promise<void> {
  const running = run(requireTool(tool), args, { cwd: '/', ...findUser() });
  running.child.stdin?.end(input);
  await running;
}
