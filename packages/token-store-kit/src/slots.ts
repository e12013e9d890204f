import { pause } from './pause.ts';

/** A semaphore: limits how many callers work at the same time. The others wait, first come, first served. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** False if no slot is free within `timeout` milliseconds. Else call `release`. Rejects with the reason of a signal that aborts. */
  async acquire(timeout: number, signals: readonly AbortSignal[] = []): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    return pause(timeout, signals, (wake) => {
      this.#waiting.push(wake);
      return () => {
        const index = this.#waiting.indexOf(wake);
        if (index >= 0) this.#waiting.splice(index, 1);
      };
    });
  }

  /** Passes the slot to the first waiting caller. False if none waits. */
  release(): boolean {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
    return next !== undefined;
  }
}
