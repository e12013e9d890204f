import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** One line that a program printed; see programs/run-program.ts. */
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

/** A program of `src/programs` that waits to be told to work. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #deadline: number;
  #wake: () => void = () => {};
  #ended = false;

  /** `deadline`: milliseconds that it may take to its next line. */
  constructor(command: readonly string[], { deadline = 60_000 }: { deadline?: number } = {}) {
    const [file = '', ...args] = command;
    this.#deadline = deadline;
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], cwd: import.meta.dirname });
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

  /** Lets it do its work once. */
  tell(): void {
    this.#child.stdin?.write('\n');
  }

  /** Makes it say what memory it holds, in bytes. */
  async heldMemory(): Promise<number> {
    this.#child.kill('SIGUSR2');
    return (await this.nextLine()).held ?? Number.NaN;
  }

  /** Rejects where it ends, or says nothing before its deadline. */
  async nextLine(): Promise<Line> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#deadline);
    try {
      for (let isLate = false; ; ) {
        const line = this.#lines.shift();
        if (line) return line;
        if (this.#ended) throw new Error(`${this.#child.spawnargs.at(1)} ended`);
        if (isLate) throw new Error(`${this.#child.spawnargs.at(1)} says nothing for ${this.#deadline} ms`);
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
