import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServerProcess } from './server-process.ts';
import { findUser, newFolder, onFreePort, requireTool } from './tools.ts';

export interface PgBouncerOptions {
  /** Roles that may connect, without a password. Default: `postgres`. */
  users?: readonly string[];
  /** Further lines of pgbouncer's configuration. */
  settings?: readonly string[];
}

/** pgbouncer in transaction mode, as its documentation sets it up. */
export class PgBouncer implements AsyncDisposable {
  readonly port: number;
  readonly #server: ServerProcess;

  private constructor(port: number, server: ServerProcess) {
    this.port = port;
    this.#server = server;
  }

  static start(target: { host: string; port: number }, options: PgBouncerOptions = {}): Promise<PgBouncer> {
    return onFreePort((port) => PgBouncer.#startOn(port, target, options));
  }

  static async #startOn(
    port: number,
    target: { host: string; port: number },
    { users = ['postgres'], settings = [] }: PgBouncerOptions,
  ): Promise<PgBouncer> {
    const folder = newFolder();
    const userList = join(folder, 'userlist.txt');
    const configuration = join(folder, 'pgbouncer.ini');
    writeFileSync(userList, users.map((user) => `"${user}" ""\n`).join(''));
    const lines = [
      '[databases]',
      `* = host=${target.host} port=${target.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = trust',
      `auth_file = ${userList}`,
      'pool_mode = transaction',
      'default_pool_size = 5',
      'max_client_conn = 200',
      'server_login_retry = 1',
      ...settings,
    ];
    writeFileSync(configuration, `${lines.join('\n')}\n`);
    const user = findUser();
    if (user) for (const path of [userList, configuration]) chownSync(path, user.uid, user.gid);
    const server = new ServerProcess(requireTool('pgbouncer'), [configuration]);
    await server.untilLog('process up');
    return new PgBouncer(port, server);
  }

  get log(): string {
    return this.#server.log;
  }

  connectionString(user = 'postgres'): string {
    return `postgresql://${user}@127.0.0.1:${this.port}/postgres`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.end('SIGKILL');
  }
}
