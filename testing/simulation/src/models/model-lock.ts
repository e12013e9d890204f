import type { Holder } from '../facts.ts';
import type { Machine, Process } from '../machine/machine.ts';
import type { Timer } from '../machine/timer.ts';

export interface Waiter {
  readonly process: Process;
  /** The step in which it asked. */
  readonly askedAt: number;
  /** Acquires the lock for this waiter. */
  readonly acquired: (holder: Holder) => void;
}

/** A lock that all processes see: one holder, and those that wait. Within a process they take turns. */
export class ModelLock {
  readonly #machine: Machine;
  /** Undefined: the kernel's lock, which ends with its process. */
  readonly #leaseMs: number | undefined;
  holder: Holder | undefined;
  /** What the tasks that run were granted, whether or not they have lost it. */
  readonly tasks = new Set<Holder>();
  readonly #waiting: Waiter[] = [];
  #expiry: Timer | undefined;

  constructor(machine: Machine, leaseMs: number | undefined) {
    this.#machine = machine;
    this.#leaseMs = leaseMs;
  }

  /** Who holds it until when, and who waits, as text. */
  describe(): string {
    return `${this.holder?.process.id} ${this.holder?.endsAt} ${this.#waiting.map(({ process }) => process.id)}`;
  }

  /** Whether this holder still is it, by the store's clock. */
  isHeldBy(holder: Holder): boolean {
    return this.holder === holder && holder.endsAt > this.#machine.now;
  }

  /** The request of a waiter has arrived. */
  join(waiter: Waiter): void {
    this.#waiting.push(waiter);
    this.#poke();
  }

  leave(waiter: Waiter): boolean {
    const index = this.#waiting.indexOf(waiter);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    this.#poke();
    return true;
  }

  release(holder: Holder): void {
    if (this.holder !== holder) return;
    this.holder = undefined;
    this.#poke();
  }

  /** False: the lease has ended, or another process has the lock. */
  renew(holder: Holder): boolean {
    if (!this.isHeldBy(holder) || this.#leaseMs === undefined) return false;
    holder.endsAt = this.#machine.now + this.#leaseMs;
    holder.knownEndsAt = holder.endsAt;
    return true;
  }

  /** The store's clock was set: a lease ends that much earlier. */
  slip(milliseconds: number): void {
    if (!this.holder || this.#leaseMs === undefined) return;
    this.holder.endsAt -= milliseconds;
    this.#poke();
  }

  /** A process was killed. The kernel gives its locks back at once; a lease goes on until its end. */
  bury(process: Process): void {
    for (const waiter of [...this.#waiting]) {
      if (waiter.process === process) this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
    }
    if (this.#leaseMs === undefined && this.holder?.process === process) this.holder = undefined;
    this.#poke();
  }

  /** The first waiter of each process tries. */
  #poke(): void {
    for (const waiter of this.#waiting) {
      if (this.#firstOf(waiter.process) !== waiter) continue;
      this.#machine.enqueue(undefined, 'a waiter tries the lock', () => this.#try(waiter));
    }
  }

  #firstOf(process: Process): Waiter | undefined {
    for (const waiter of this.#waiting) if (waiter.process === process) return waiter;
    return undefined;
  }

  #try(waiter: Waiter): void {
    const { now } = this.#machine;
    if (this.#firstOf(waiter.process) !== waiter) return;
    if (this.holder && this.holder.endsAt > now) {
      this.#pokeAt(this.holder.endsAt);
      return;
    }
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
    const endsAt = this.#leaseMs === undefined ? Number.POSITIVE_INFINITY : now + this.#leaseMs;
    const { process, askedAt } = waiter;
    this.holder = { process, askedAt, endsAt, knownEndsAt: endsAt };
    waiter.acquired(this.holder);
  }

  #pokeAt(endsAt: number): void {
    if (endsAt === Number.POSITIVE_INFINITY || (this.#expiry && !this.#expiry.isDone)) return;
    this.#expiry = this.#machine.setTimer(undefined, endsAt - this.#machine.now, () => this.#poke());
  }
}
