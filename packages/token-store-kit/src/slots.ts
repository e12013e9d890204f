import { pause } from './pause.ts';

/** A bound on what is under way at a time. The others wait, the first one first. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** False if there was none within `timeout` milliseconds. Else call `release`. Rejects with the reason of a signal that aborts. */
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

  /** False if none waits. Else the first one that does has it now. */
  release(): boolean {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
    return next !== undefined;
  }
}
