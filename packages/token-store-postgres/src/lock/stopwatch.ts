const { uptime } = process.getBuiltinModule('node:os');

/** Measures real time, whatever happens to the clock on the wall. */
export class Stopwatch {
  readonly #start = performance.now();
  readonly #startUptime = uptime();

  /**
   * The monotonic clock of Linux stands still while the machine sleeps, and a lease does not. The system's uptime counts
   * sleep as well, but is less exact.
   */
  get elapsedMs(): number {
    return Math.max(performance.now() - this.#start, (uptime() - this.#startUptime) * 1_000);
  }
}
