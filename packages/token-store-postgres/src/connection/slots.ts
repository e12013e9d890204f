import { pause } from 'token-store-kit';

/** A bound on what is under way at a time. The others wait, the first one first. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** False if there was none by the deadline. Else call `release`. */
  async acquire(deadline: number): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    return pause(deadline - performance.now(), [], (wake) => {
      this.#waiting.push(wake);
      return () => {
        const index = this.#waiting.indexOf(wake);
        if (index >= 0) this.#waiting.splice(index, 1);
      };
    });
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
