import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExclusivelyOptions, type Lock, type TokenRecord, TokenStoreError } from '../../src/index.ts';
import { PortStore, unlessAborted } from './port-store.ts';

export const leaseTimeMs = 400;

interface Lease {
  readonly fence: number;
  readonly until: number;
}

/** A store whose lock is a lease in a file, which its holder renews. A port is held only while files are read and written. */
export class LeaseStore extends PortStore {
  renews = true;
  hasFence = true;
  /** Of the task that the caller is within. */
  readonly #fence = new AsyncLocalStorage<number>();

  override async set(name: string, record: TokenRecord): Promise<void> {
    await this.withPort(1, () => {
      this.#checkFence(name);
      this.write(name, record);
    });
  }

  override async replace(name: string, previous: string | undefined, record: TokenRecord): Promise<boolean> {
    return this.withPort(1, () => {
      this.#checkFence(name);
      if (this.recordOf(name)?.refreshToken !== previous) return false;
      this.write(name, record);
      return true;
    });
  }

  override async delete(name: string): Promise<boolean> {
    return this.withPort(1, () => {
      this.#checkFence(name);
      return this.remove(name);
    });
  }

  override exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T> {
    return this.queue.run(name, () => this.#runWithLease(name, unlessAborted(task, options)), options);
  }

  async #runWithLease<T>(name: string, task: (lock: Lock) => Promise<T>): Promise<T> {
    let fence = 0;
    for (; fence === 0; await delay(5)) fence = await this.withPort(1, () => this.#acquire(name));
    const lost = new AbortController();
    let safeUntil = performance.now() + 0.7 * leaseTimeMs;
    const timer = setInterval(async () => {
      const now = performance.now();
      if (now > safeUntil) lost.abort(lockLost());
      else if (this.renews && (await this.withPort(1, () => this.#extend(name, fence, leaseTimeMs))))
        safeUntil = now + 0.7 * leaseTimeMs;
    }, leaseTimeMs / 5);
    try {
      return await this.#fence.run(fence, () => task({ signal: lost.signal }));
    } finally {
      clearInterval(timer);
      await this.withPort(1, () => this.#extend(name, fence, 0));
    }
  }

  #leaseOf(name: string): Lease {
    return (this.read(`lease of ${name}`) as Lease | undefined) ?? { fence: 0, until: 0 };
  }

  #checkFence(name: string): void {
    const fence = this.#fence.getStore();
    if (this.hasFence && fence !== undefined && this.#leaseOf(name).fence !== fence) throw lockLost();
  }

  /** The fence, or 0 if the lock is not free. */
  #acquire(name: string): number {
    const { fence, until } = this.#leaseOf(name);
    if (Date.now() < until) return 0;
    this.write(`lease of ${name}`, { fence: fence + 1, until: Date.now() + leaseTimeMs });
    return fence + 1;
  }

  #extend(name: string, fence: number, leaseTime: number): boolean {
    const lease = this.#leaseOf(name);
    if (fence !== lease.fence || Date.now() > lease.until) return false;
    this.write(`lease of ${name}`, { fence, until: Date.now() + leaseTime });
    return true;
  }
}

export function lockLost(): TokenStoreError {
  return new TokenStoreError('STORE_BUSY', 'the lease has ended', { reason: 'lock-lost' });
}
