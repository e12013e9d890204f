/** This folder has the lock of `exclusively`: the lease, the queue for it, and what waiting callers are told. */
import { type Lock, TokenStoreError } from 'token-store-kit';
import type { Database } from '../connection/database.ts';
import { Stopwatch } from '../connection/stopwatch.ts';
import type { Tables } from '../tables/names.ts';
import type { Fence } from '../tables/record-statements.ts';
import { endTimeoutMs, releaseStatement, renewStatement } from './lease-statements.ts';

/** The lock counts as lost when this share of the lease is left, because a busy process notices it late. */
const safetyShare = 0.1;
const renewShare = 1 / 3;
/** After a renewal that failed. */
const retryShare = 0.05;
const timerMarginMs = 2;
const releaseRetryMs = 500;

export interface LeaseOptions extends Fence {
  readonly name: string;
  /** The name as it is stored. */
  readonly key: string;
  readonly topic: string;
  readonly leaseTimeMs: number;
  /** Started before the lock was requested. */
  readonly since: Stopwatch;
}

/** A lock that this process holds, as long as it can renew it. */
export class Lease implements Lock, Fence {
  readonly key: string;
  readonly owner: string;
  readonly fence: string;
  readonly #name: string;
  readonly #database: Database;
  readonly #tables: Tables;
  readonly #topic: string;
  readonly #leaseTimeMs: number;
  readonly #controller = new AbortController();
  #since: Stopwatch;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(
    database: Database,
    tables: Tables,
    { name, key, owner, fence, topic, leaseTimeMs, since }: LeaseOptions,
  ) {
    this.#database = database;
    this.#tables = tables;
    this.#name = name;
    this.key = key;
    this.owner = owner;
    this.fence = fence;
    this.#topic = topic;
    this.#leaseTimeMs = leaseTimeMs;
    this.#since = since;
    this.#schedule(leaseTimeMs * renewShare);
  }

  /** Aborts before the lease can end. Reading it checks the time: in a process that was stopped, the timer may still be due. */
  get signal(): AbortSignal {
    this.check();
    return this.#controller.signal;
  }

  /** False, and the signal has aborted, if the lease can have ended. */
  check(): boolean {
    if (!this.#ended && this.#remainingMs() <= 0) this.lose();
    return !this.#controller.signal.aborted;
  }

  /** Call it if another process holds the lock, or can hold it. */
  lose(cause?: unknown): void {
    clearTimeout(this.#timer);
    if (!this.#ended) this.#controller.abort(lockLostError(this.#name, cause));
  }

  /** Call it after the task. Never rejects: a lease that cannot be released ends by itself. */
  async release(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    // If that takes longer, the lease ends by itself.
    if (await this.#tryRelease()) return;
    void this.#releaseLater();
  }

  /** The database may be reachable again before the lease ends. */
  async #releaseLater(): Promise<void> {
    while (this.#remainingMs() > 0) {
      await new Promise((resolve) => setTimeout(resolve, releaseRetryMs).unref());
      if (await this.#tryRelease()) return;
    }
  }

  async #tryRelease(): Promise<boolean> {
    const { key, owner } = this;
    const statement = releaseStatement(this.#tables);
    const { promise: late, resolve } = Promise.withResolvers<false>();
    const timer = setTimeout(resolve, endTimeoutMs, false);
    const released = this.#database
      .run(statement, [key, owner, this.#tables.channel, this.#topic], { timeout: endTimeoutMs, isWrite: true })
      .then(
        () => true,
        () => false,
      );
    try {
      return await Promise.race([released, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #remainingMs(): number {
    return this.#leaseTimeMs * (1 - safetyShare) - this.#since.elapsedMs;
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#ended || !this.check()) return;
    // Without the margin, a timer that fires a moment too early would find the lease still held, and be the last one.
    const delay = Math.max(0, Math.min(delayMs, this.#remainingMs() + timerMarginMs));
    // The lock does not keep the process alive.
    this.#timer = setTimeout(() => void this.#renew(), delay).unref();
  }

  /** Does not wait for an earlier try, whose connection may be dead: any answer counts. */
  async #renew(): Promise<void> {
    this.#schedule(this.#leaseTimeMs * renewShare);
    if (!this.check()) return;
    const since = new Stopwatch();
    const { key, owner, fence } = this;
    try {
      const values = [key, owner, fence, this.#leaseTimeMs];
      const timeout = Math.max(1, this.#remainingMs());
      const rows = await this.#database.run(renewStatement(this.#tables), values, { timeout, isWrite: true });
      if (rows.length === 0) {
        this.lose();
        return;
      }
      if (since.elapsedMs < this.#since.elapsedMs) this.#since = since;
      this.#schedule(this.#leaseTimeMs * renewShare);
    } catch {
      this.#schedule(this.#leaseTimeMs * retryShare);
    }
  }
}

/** What the signal of a lock aborts with, and the error of a write that depended on it. */
export function lockLostError(name: string, cause?: unknown): TokenStoreError {
  const message = `the lock of ${JSON.stringify(name)} was lost: its lease ended before it could be renewed, so that another process may hold it now. Try again`;
  return new TokenStoreError('STORE_BUSY', message, { reason: 'lock-lost', cause });
}
