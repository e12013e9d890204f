import { constants } from 'node:os';
import { writeErr } from './streams.ts';

/** What Interrupt.busyWith says during a refresh. */
export const refreshing = 'finishing the refresh, so that the sign-in is not lost';

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** A signal asked us to end. Ends with 128 + its number, as a shell expects: 130 for Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly status: number;

  constructor(signal: Signal) {
    super('Interrupted.');
    this.status = 128 + constants.signals[signal];
  }
}

/**
 * Turns the first of the signals that end a process into an abort, so that a refresh which has already left can still be
 * stored: without that the sign-in would be lost. The second one ends the process at once.
 */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #signals: Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  /** What is under way and must not be cut off, to be said to whoever has to wait for it. */
  busyWith: string | undefined;
  #endsAtOnce = false;

  constructor() {
    for (const signal of this.#signals) process.on(signal, this.#abort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** As if the person had pressed Ctrl-C, which a terminal in raw mode does not turn into a signal. */
  press(): void {
    this.#abort('SIGINT');
  }

  /** While `work` runs the first signal ends the process: what waits in native code would keep it from ending by itself. */
  async endAtOnceDuring<T>(work: Promise<T>): Promise<T> {
    this.#endsAtOnce = true;
    try {
      return await work;
    } finally {
      this.#endsAtOnce = false;
    }
  }

  [Symbol.dispose](): void {
    for (const signal of this.#signals) process.off(signal, this.#abort);
  }

  readonly #abort = (signal: NodeJS.Signals): void => {
    if (this.signal.aborted || this.#endsAtOnce) {
      if (this.#endsAtOnce) writeErr('Interrupted.\n');
      this[Symbol.dispose]();
      process.kill(process.pid, signal);
      return;
    }
    if (this.busyWith) writeErr(`onedrive-token: ${this.busyWith}; once more to stop at once\n`);
    this.#controller.abort(new Interrupted(signal as Signal));
  };
}
