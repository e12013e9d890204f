import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { measuredEnvironment } from './measured-environment.ts';

/** A line of JSON that a program has printed. programs/run-program.ts says what the fields are. */
export interface Line {
  ready?: true;
  open?: string;
  at?: number;
  token?: string;
  failed?: string;
  started?: number;
  done?: number;
  held?: number;
}

/** A running program of `src/programs`. It waits until it is told to work. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #lineTimeoutMs: number;
  #wake: () => void = () => {};
  #ended = false;

  /** `lineTimeoutMs`: how long it may take to print its next line. */
  constructor(command: readonly string[], { lineTimeoutMs = 60_000 }: { lineTimeoutMs?: number } = {}) {
    const [file = '', ...args] = command;
    this.#lineTimeoutMs = lineTimeoutMs;
    this.#child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: import.meta.dirname,
      env: measuredEnvironment(),
    });
    this.#child.stdin?.on('error', () => {});
    createInterface(this.#child.stdout as NodeJS.ReadableStream).on('line', (line) => {
      this.#lines.push(JSON.parse(line));
      this.#wake();
    });
    this.#child.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Tells it to do its work once. */
  tell(): void {
    this.#child.stdin?.write('\n');
  }

  /** Asks it how many bytes of memory it holds. */
  async heldMemory(): Promise<number> {
    this.#child.kill('SIGUSR2');
    return (await this.nextLine()).held ?? Number.NaN;
  }

  /** Resolves with its next line. Rejects if it ends first, or takes too long. */
  async nextLine(): Promise<Line> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#lineTimeoutMs);
    try {
      for (let isLate = false; ; ) {
        const line = this.#lines.shift();
        if (line) return line;
        if (this.#ended) throw new Error(`${this.#child.spawnargs.at(1)} ended`);
        if (isLate) throw new Error(`${this.#child.spawnargs.at(1)} has printed nothing for ${this.#lineTimeoutMs} ms`);
        const woken = new Promise<false>((wake) => {
          this.#wake = () => wake(false);
        });
        isLate = await Promise.race([woken, late.then(() => true)]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2_000);
    await closed;
    clearTimeout(timer);
  }
}
