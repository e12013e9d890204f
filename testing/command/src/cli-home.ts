import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { signInAs } from 'testing-authority';
import { type Called, type CallOptions, callCommand } from './call-command.ts';
import {
  bin,
  commandNode,
  type Ended,
  type ProcessOptions,
  type Running,
  startCommand,
  startProcess,
} from './run-command.ts';

/** As for `startProcess`, but `env` is added to the environment of the home, and `cwd` is the home by default. */
export type RunOptions = Partial<ProcessOptions>;

/** A home folder for the command, without the desktop and the settings of the user who runs the tests. */
export class CliHome implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'onedrive-token-'));
  readonly db = join(this.folder, 'data/onedrive-token/tokens.db');
  readonly env: NodeJS.ProcessEnv;
  readonly #running = new Set<Running>();

  constructor(env: NodeJS.ProcessEnv = {}) {
    const cache = process.env.TEST_COMPILE_CACHE;
    this.env = {
      ...env,
      // A script finds the Node that runs the tests as `node`.
      PATH: [this.#programs, dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: this.folder,
      XDG_DATA_HOME: join(this.folder, 'data'),
      LANG: 'C.UTF-8',
      // A third of the processor time of a start. The bench measures starts, without it.
      ...(cache !== undefined && { NODE_COMPILE_CACHE: cache }),
    };
  }

  get #programs(): string {
    return join(this.folder, 'bin');
  }

  /** Puts the command on the PATH of this home, as `onedrive-token`. Returns the folder that it is in. */
  installCommand(): string {
    mkdirSync(this.#programs, { recursive: true });
    const script = `#!/bin/sh\nexec '${commandNode}' '${bin}' "$@"\n`;
    writeFileSync(join(this.#programs, 'onedrive-token'), script, { mode: 0o755 });
    return this.#programs;
  }

  /** Starts the command. It is killed when this home is disposed of, and after half a minute. */
  start(args: readonly string[], options: RunOptions = {}): Running {
    return this.#keep(startCommand(args, this.#complete(options)));
  }

  /** Runs the command to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<Ended> {
    return this.start(args, options).ended;
  }

  /**
   * Begins the command in this process, or in one of its own if CLI_NODE is set. Most processor time of a command is the start of Node.
   * See `callCommand` for what needs a process.
   */
  begin(args: readonly string[], options: Partial<CallOptions> = {}): Called {
    if (commandNode === process.execPath) return callCommand(args, this.#complete(options));
    const { child, ...running } = this.start(args, options);
    return { ...running, stdin: child.stdin };
  }

  /** The same, to its end. */
  call(args: readonly string[], options?: RunOptions): Promise<Ended> {
    return this.begin(args, options).ended;
  }

  /** Runs a script in bash, with the command installed. */
  shell(script: string, options: RunOptions = {}): Promise<Ended> {
    this.installCommand();
    return this.startProgram('bash', ['-c', script], options).ended;
  }

  /** Starts another program, in the environment of this home. */
  startProgram(file: string, args: readonly string[], options: RunOptions = {}): Running {
    return this.#keep(startProcess(file, args, this.#complete(options)));
  }

  #complete(options: Partial<CallOptions>): CallOptions {
    return { cwd: this.folder, ...options, env: { ...this.env, ...options.env } };
  }

  #keep(running: Running): Running {
    this.#running.add(running);
    running.child.once('close', () => this.#running.delete(running));
    return running;
  }

  /** Makes every stored access token expire. */
  expireTokens(): void {
    const database = new DatabaseSync(this.db, { timeout: 5_000 });
    database.exec('UPDATE token SET expires_at = 1');
    database.close();
  }

  /** Signs in. The test itself plays the browser, because that is faster than to start one. */
  async login(args: readonly string[] = [], { env, ...options }: RunOptions = {}): Promise<Ended> {
    const running = this.begin(['login', ...args], { ...options, env: { ...env, BROWSER: 'true' } });
    const [address] = await running.says(/http:\/\/\S+\/authorize\?client_id\S+(?=\n)/);
    await signInAs(address);
    const ended = await running.ended;
    if (ended.status !== 0) throw new Error(`login ended with ${ended.status}: ${ended.stderr}`);
    return ended;
  }

  [Symbol.dispose](): void {
    for (const { child } of this.#running) child.kill('SIGKILL');
    // Windows keeps the folder while a program is in it, such as a browser that ends a moment later than the command.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
