import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { untilTrue } from './within.ts';

/** How long a process of a test may live. */
const lifetimeMs = 50_000;

/** A Node process that runs a script. It is killed with the scope it was made in. */
export class NodeProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = '';
  #errors = '';
  #status: number | null | undefined;

  constructor(script: URL, args: readonly string[], lifetime = lifetimeMs) {
    this.#child = spawn(process.execPath, [fileURLToPath(script), ...args], {
      timeout: lifetime,
      killSignal: 'SIGKILL',
      // Without it, a start from TypeScript takes three times as long.
      env: { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    // It may end before it has read its input.
    this.#child.stdin?.on('error', () => {});
    this.#child.on('close', (status) => {
      this.#status = status;
    });
  }

  /** What it has printed on stdout so far, in lines. */
  get lines(): string[] {
    return this.#output.split('\n').slice(0, -1);
  }

  get hasEnded(): boolean {
    return this.#status !== undefined;
  }

  /** Resolves when it has printed this line, after the first lines if `after` says so. Rejects if it ends before. */
  async until(line: string, after = 0): Promise<void> {
    await untilTrue(() => this.lines.includes(line, after) || this.hasEnded, 30_000);
    if (!this.lines.includes(line, after)) throw new Error(`ended before it said ${line}: ${this.#errors}`);
  }

  /** One line for its stdin. */
  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Resolves with the lines it printed. Rejects if it does not end by itself with status 0. */
  async ended(): Promise<string[]> {
    await untilTrue(() => this.hasEnded, lifetimeMs);
    if (this.#status !== 0) throw new Error(`ended with status ${this.#status}: ${this.#errors}`);
    return this.lines;
  }

  /** Kills it, and resolves when it has ended. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await untilTrue(() => this.hasEnded);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
