import { uptime } from 'node:os';

/** The system's uptime is less exact than this. */
const uptimeErrorMs = 50;

/** Measures real time, whatever happens to the wall clock. */
export class Stopwatch {
  readonly #start = performance.now();
  readonly #startUptime = uptime();

  /** The monotonic clock of Linux stands still while the machine sleeps; a lease does not. The system's uptime counts sleep as well. */
  get elapsedMs(): number {
    // In this order: a process that has to wait between the two lines has not slept.
    const uptimeMs = (uptime() - this.#startUptime) * 1_000;
    const elapsed = performance.now() - this.#start;
    const slept = uptimeMs - elapsed;
    return slept > uptimeErrorMs ? elapsed + slept : elapsed;
  }
}
