const { uptime } = process.getBuiltinModule('node:os');

/** The system's uptime is less exact than this. */
const uptimeErrorMs = 50;

/** Measures real time, whatever happens to the wall clock. */
export class Stopwatch {
  readonly #start = performance.now();
  readonly #startUptime = uptime();

  /** The monotonic clock of Linux stands still while the machine sleeps; a lease does not. The system's uptime counts sleep as well. */
  get elapsedMs(): number {
    const elapsed = performance.now() - this.#start;
    const slept = (uptime() - this.#startUptime) * 1_000 - elapsed;
    return slept > uptimeErrorMs ? elapsed + slept : elapsed;
  }
}
