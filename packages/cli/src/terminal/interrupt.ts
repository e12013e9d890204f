import { constants } from 'node:os';
import { writeErr } from './streams.ts';

/** A signal asked this process to end. Its status is 128 + the signal's number, as shells expect: 130 for Ctrl-C. */
export class Interrupted extends Error {
  readonly status: number;

  constructor(signal: NodeJS.Signals) {
    super('Interrupted.');
    this.status = 128 + constants.signals[signal];
  }
}

/**
 * Turns the first signal that would end the process into an abort, so that the answer to a refresh request can still be stored. Otherwise
 * the sign-in would be lost. The second signal ends the process at once.
 */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  readonly #signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  /** Work that must not be cut off. The first signal tells the person about it. */
  busyWith: string | undefined;
  #cuttableWorks = 0;

  constructor() {
    for (const signal of this.#signals) process.on(signal, this.#abort);
  }

  /** Acts as if the person had pressed Ctrl-C, because a terminal in raw mode does not turn that key into a signal. */
  press(): void {
    this.#abort('SIGINT');
  }

  /** While `work` runs, the first signal already ends the process: native code that waits would keep the process alive. */
  async endAtOnceDuring<T>(work: Promise<T>): Promise<T> {
    this.#cuttableWorks++;
    try {
      return await work;
    } finally {
      this.#cuttableWorks--;
    }
  }

  [Symbol.dispose](): void {
    for (const signal of this.#signals) process.off(signal, this.#abort);
  }

  readonly #abort = (signal: NodeJS.Signals): void => {
    if (this.signal.aborted || this.#cuttableWorks > 0) {
      if (this.#cuttableWorks > 0) writeErr('Interrupted.\n');
      this[Symbol.dispose]();
      process.kill(process.pid, signal);
      // In a container this may be process 1, which the kernel does not end that way.
      process.exit(new Interrupted(signal).status);
    }
    if (this.busyWith) writeErr(`onedrive-token: ${this.busyWith}; interrupt again to stop at once\n`);
    this.#controller.abort(new Interrupted(signal));
  };
}
