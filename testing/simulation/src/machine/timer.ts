/** What a timer keeps alive. */
interface Counted {
  refs: number;
}

/** A timer of a process, or of the world outside. */
export class Timer<Owner extends Counted = Counted> {
  readonly machine: { refTimers: number };
  readonly due: number;
  readonly process: Owner | undefined;
  readonly run: () => void;
  isRef = true;
  isDone = false;

  constructor(machine: { refTimers: number }, due: number, process: Owner | undefined, run: () => void) {
    this.machine = machine;
    this.due = due;
    this.process = process;
    this.run = run;
    this.#count(1);
  }

  ref(): this {
    if (!this.isRef && !this.isDone) this.#count(1);
    this.isRef = true;
    return this;
  }

  unref(): this {
    if (this.isRef && !this.isDone) this.#count(-1);
    this.isRef = false;
    return this;
  }

  hasRef(): boolean {
    return this.isRef;
  }

  /** Call it once, when the timer fires or is cleared. */
  finish(): void {
    if (this.isDone) return;
    this.isDone = true;
    if (this.isRef) this.#count(-1);
  }

  #count(change: number): void {
    if (this.process) this.process.refs += change;
    this.machine.refTimers += change;
  }
}
