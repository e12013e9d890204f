import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { findUser } from './tools.ts';

const startTimeoutMs = 30_000;
const stopTimeoutMs = 20_000;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server that runs in the foreground as a child of this process, and is killed when this process exits. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #log = '';

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', ...findUser() });
    running.add(this.#child);
    // A server that is kept for the next test file must not keep this process alive.
    this.#child.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
      (stream as Socket | null)?.unref();
    }
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#log += String(error);
        resolve();
      });
      this.#child.once('close', () => {
        running.delete(this.#child);
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** All that the server has written so far. */
  get log(): string {
    return this.#log;
  }

  /** Waits until the log has `text`. Rejects with the log if the process ends first. */
  async untilLog(text: string): Promise<void> {
    let ended = false;
    void this.#ended.then(() => {
      ended = true;
    });
    for (const end = performance.now() + startTimeoutMs; !this.#log.includes(text); await delay(10)) {
      if (ended || performance.now() > end) throw new Error(`the server did not start:\n${this.#log}`);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends the signal and waits for the end. Kills the server if that takes too long. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.signal(signal);
    const timer = setTimeout(() => this.signal('SIGKILL'), stopTimeoutMs);
    await this.#ended;
    clearTimeout(timer);
  }
}
