/**
 * One piece of work that many callers wait for. A caller that aborts ends only its own wait. After the abort of the last
 * caller, the work is asked to stop.
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

  /** The result, or the signal's reason if that comes first. */
  async join(signal: AbortSignal): Promise<T> {
    this.#callers++;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    try {
      return await Promise.race([this.#result, aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
      this.#callers--;
      if (this.#callers === 0) this.stop(signal.reason);
    }
  }

  /** Asks the work to stop, unless it has ended. */
  stop(reason: unknown): void {
    if (!this.#landed) this.#controller.abort(reason);
  }

  /** Resolves when the work has ended, with a result or an error. */
  ended(): Promise<unknown> {
    return Promise.allSettled([this.#result]);
  }
}
