import { setTimeout as delay } from 'node:timers/promises';
import { type ExclusivelyOptions, type Lock, type TokenRecord, TokenStoreError } from '../../src/index.ts';
import { PortStore } from './port-store.ts';

export const leaseTimeMs = 400;

interface Lease {
  readonly fence: number;
  readonly until: number;
}

/** A store whose lock is a lease in a file, which its holder renews. A port is held only while files are read and written. */
export class LeaseStore extends PortStore {
  renews = true;
  hasFence = true;
  #lockedName = '';
  #fence = 0;

  override async set(name: string, record: TokenRecord): Promise<void> {
    await this.withPort(1, () => {
      if (!this.#mayWrite(name)) throw lockLost();
      this.write(name, record);
    });
  }

  override async replace(name: string, previous: string | undefined, record: TokenRecord): Promise<boolean> {
    return this.withPort(1, () => {
      if (!this.#mayWrite(name) || this.get(name)?.refreshToken !== previous) return false;
      this.write(name, record);
      return true;
    });
  }

  override exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T> {
    return this.queue.run(name, () => this.#runWithLease(name, task), options);
  }

  async #runWithLease<T>(name: string, task: (lock: Lock) => Promise<T>): Promise<T> {
    while (!(await this.withPort(1, () => this.#acquire()))) await delay(5);
    this.#lockedName = name;
    const lost = new AbortController();
    let safeUntil = performance.now() + 0.7 * leaseTimeMs;
    const timer = setInterval(async () => {
      const now = performance.now();
      if (now > safeUntil) lost.abort(lockLost());
      else if (this.renews && (await this.withPort(1, () => this.#extend(leaseTimeMs))))
        safeUntil = now + 0.7 * leaseTimeMs;
    }, leaseTimeMs / 5);
    try {
      return await task({ signal: lost.signal });
    } finally {
      clearInterval(timer);
      this.#lockedName = '';
      await this.withPort(1, () => this.#extend(0));
    }
  }

  get #lease(): Lease {
    return (this.read('lease') as Lease | undefined) ?? { fence: 0, until: 0 };
  }

  #mayWrite(name: string): boolean {
    return !this.hasFence || name !== this.#lockedName || this.#lease.fence === this.#fence;
  }

  #acquire(): boolean {
    const { fence, until } = this.#lease;
    if (Date.now() < until) return false;
    this.#fence = fence + 1;
    this.write('lease', { fence: this.#fence, until: Date.now() + leaseTimeMs });
    return true;
  }

  #extend(leaseTime: number): boolean {
    const { fence, until } = this.#lease;
    if (fence !== this.#fence || Date.now() > until) return false;
    this.write('lease', { fence, until: Date.now() + leaseTime });
    return true;
  }
}

function lockLost(): TokenStoreError {
  return new TokenStoreError('STORE_BUSY', 'the lease has ended', { reason: 'lock-lost' });
}
