import { TokenStoreError } from 'token-store-kit';
import type { Holder } from '../facts.ts';
import type { Machine } from '../machine/machine.ts';
import { SimulatedController } from '../machine/signals.ts';
import type { Timer } from '../machine/timer.ts';

export const leaseMs = 15_000;
/** As token-store-postgres: the lock counts as lost when a tenth of the lease is left. */
export const safeLeaseMs = leaseMs * 0.9;
const renewalMs = leaseMs / 3;
const renewalRetryMs = 750;

/** What a lease needs of its store. */
export interface LeaseStore {
  readonly machine: Machine;
  readonly outage: string;
  lock(name: string): { renew(holder: Holder): boolean };
}

export function lockLost(): TokenStoreError {
  return new TokenStoreError('STORE_BUSY', 'the lock was lost', { reason: 'lock-lost' });
}

/** The lock as its task sees it: it renews the lease, and aborts before the lease can have ended. */
export class LeaseLock {
  readonly #store: LeaseStore;
  readonly #name: string;
  readonly #holder: Holder;
  readonly #controller = new SimulatedController();
  /** When the last renewal that succeeded was asked for. */
  #since: number;
  #timer: Timer | undefined;
  #hasEnded = false;

  constructor(store: LeaseStore, name: string, holder: Holder, since: number) {
    this.#store = store;
    this.#name = name;
    this.#holder = holder;
    // The request may have waited in the queue for long: the lease began when it was granted.
    this.#since = Math.max(since, holder.knownEndsAt - leaseMs);
    this.#schedule(renewalMs);
  }

  /** Looks at the clock first: the process may have been stopped. */
  get signal(): SimulatedController['signal'] {
    if (!this.#hasEnded && this.#store.machine.now - this.#since >= safeLeaseMs) this.lose();
    return this.#controller.signal;
  }

  /** Whether that signal aborts when the lock is lost. */
  leadsTo(signal: AbortSignal): boolean {
    return this.#controller.signal.leadsTo(signal);
  }

  lose(): void {
    this.#timer?.finish();
    if (!this.#hasEnded) this.#controller.abort(lockLost());
  }

  end(): void {
    this.#hasEnded = true;
    this.#timer?.finish();
  }

  #schedule(milliseconds: number): void {
    const { machine } = this.#store;
    const untilLost = this.#since + safeLeaseMs - machine.now;
    this.#timer?.finish();
    this.#timer = machine.setTimer(this.#holder.process, Math.min(milliseconds, untilLost), () => this.#renew());
    // A task may keep its lock for as long as the store does not answer.
    this.#timer.unref();
  }

  #renew(): void {
    if (this.#hasEnded || this.signal.aborted) return;
    const { machine, outage } = this.#store;
    const asked = machine.now;
    this.#schedule(renewalRetryMs);
    if (outage === 'unreachable') return;
    machine.enqueue(undefined, 'a lease is renewed', () => {
      const isRenewed = this.#store.lock(this.#name).renew(this.#holder);
      machine.enqueue(
        this.#holder.process,
        isRenewed ? 'hears that its lease was renewed' : 'hears that its lease is lost',
        () => {
          if (this.#hasEnded || this.#controller.signal.aborted) return;
          if (!isRenewed) return this.lose();
          this.#since = asked;
          this.#schedule(renewalMs);
        },
      );
    });
  }
}
