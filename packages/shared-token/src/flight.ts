/**
 * One piece of work that many callers wait for. A caller that aborts ends only its own wait. After the abort of the last
 * caller, the work is asked to stop.
 */
export class Flight<T> {
  readonly #stopping = new AbortController();
  readonly #result: Promise<T>;
  #callers = 0;
  #hasLanded = false;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#result = work(this.#stopping.signal);
    const land = (): void => {
      this.#hasLanded = true;
    };
    this.#result.then(land, land);
  }

  /** True until the work has ended or was asked to stop: a new caller can still join. */
  get isJoinable(): boolean {
    return !this.#hasLanded && !this.#stopping.signal.aborted;
  }

  /** The result, or the reason of the signal or of `stop` if that comes first. */
  async join(signal: AbortSignal): Promise<T> {
    this.#callers++;
    const ended = AbortSignal.any([signal, this.#stopping.signal]);
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(ended.reason);
    ended.addEventListener('abort', abort);
    if (ended.aborted) abort();
    try {
      return await Promise.race([this.#result, aborted]);
    } finally {
      ended.removeEventListener('abort', abort);
      this.#callers--;
      if (this.#callers === 0) this.stop(signal.reason);
    }
  }

  /** Asks the work to stop, unless it has ended. Its callers do not wait for it any more. */
  stop(reason: unknown): void {
    if (!this.#hasLanded) this.#stopping.abort(reason);
  }

  /** Resolves when the work has ended, with a result or an error. */
  ended(): Promise<unknown> {
    return Promise.allSettled([this.#result]);
  }
}
