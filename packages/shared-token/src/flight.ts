/**
 * One piece of work that many callers wait for. A caller that aborts lets go of it alone; when the last one has let go,
 * the work is asked to stop.
 */
export class Flight<T> {
  readonly #controller = new AbortController();
  readonly #result: Promise<T>;
  #callers = 0;
  #landed = false;

  constructor(task: (signal: AbortSignal) => Promise<T>) {
    this.#result = task(this.#controller.signal);
    const land = (): void => {
      this.#landed = true;
    };
    this.#result.then(land, land);
  }

  /** True until the work has ended or was asked to stop: a new caller can still join. */
  get isJoinable(): boolean {
    return !this.#landed && !this.#controller.signal.aborted;
  }

  /** Rejects with the signal's reason when it aborts. */
  async join(signal: AbortSignal | undefined): Promise<T> {
    this.#callers++;
    try {
      return await untilAborted(this.#result, signal);
    } finally {
      this.#callers--;
      if (this.#callers === 0) this.stop(signal?.reason);
    }
  }

  /** Asks the work to stop, unless it has ended. */
  stop(reason: unknown): void {
    if (!this.#landed) this.#controller.abort(reason);
  }

  /** Resolves when the work has ended, in whatever way. */
  ended(): Promise<void> {
    return this.#result.then(ignore, ignore);
  }
}

function ignore(): void {}

/** The promise's outcome, or the signal's reason if that comes first. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    const end = (): void => signal.removeEventListener('abort', abort);
    promise.then(resolve, reject);
    promise.then(end, end);
  });
}
