/** This folder has the lock of `exclusively`: the lease, the queue for it, and what waiting callers are told. */
import { type Lock, TokenStoreError } from 'token-store-kit';
import type { Database } from '../connection/database.ts';
import { Stopwatch } from '../connection/stopwatch.ts';
import type { Tables } from '../tables/names.ts';
import type { Fence } from '../tables/record-statements.ts';
import { releaseStatement, renewStatement } from './lease-statements.ts';

/** The lock counts as lost this share of the lease before it ends: a busy process notices it late. */
const safetyShare = 0.1;
const renewShare = 1 / 3;
/** After a renewal that failed. */
const retryShare = 0.05;
/** How long the end of a task waits for its lock to be released. After that, the lease ends by itself. */
const releaseTimeoutMs = 2_000;
const releaseRetryMs = 500;

export interface LeaseOptions extends Fence {
  readonly name: string;
  /** The name as the tables have it. */
  readonly key: string;
  readonly topic: string;
  readonly leaseTimeMs: number;
  /** Started before the statement was sent that acquired the lock. */
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

  /** Aborts before the lease may have ended. After the process was stopped, reading this comes before any timer. */
  get signal(): AbortSignal {
    this.check();
    return this.#controller.signal;
  }

  /** Whether the lease is sure to be held now. If not, the signal has aborted. */
  check(): boolean {
    if (!this.#ended && this.#remainingMs() <= 0) this.lose();
    return !this.#controller.signal.aborted;
  }

  /** The database says, or may say, that another process holds the lock. */
  lose(cause?: unknown): void {
    clearTimeout(this.#timer);
    if (!this.#ended) this.#controller.abort(lockLostError(this.#name, cause));
  }

  /** After the task. Never rejects: a lease that cannot be released ends by itself. */
  async release(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    if (await this.#tryRelease(releaseTimeoutMs)) return;
    void this.#releaseLater();
  }

  /** Others need not wait for the end of the lease if the database can be reached again before. */
  async #releaseLater(): Promise<void> {
    while (this.#remainingMs() > 0) {
      await new Promise((resolve) => setTimeout(resolve, releaseRetryMs).unref());
      if (await this.#tryRelease(releaseTimeoutMs)) return;
    }
  }

  async #tryRelease(timeout: number): Promise<boolean> {
    const { key, owner, fence } = this;
    const statement = releaseStatement(this.#tables);
    const { promise: late, resolve } = Promise.withResolvers<false>();
    const timer = setTimeout(resolve, timeout, false);
    const released = this.#database
      .run(statement, [key, owner, fence, this.#tables.channel, this.#topic], { timeout, isWrite: true })
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
    if (this.#ended || !this.check()) return;
    // A task that waits for nothing else does not keep the process alive.
    const delay = Math.min(delayMs, this.#remainingMs());
    this.#timer = setTimeout(() => void this.#renew(), Math.max(delay, 0)).unref();
  }

  async #renew(): Promise<void> {
    if (!this.check()) return;
    const since = new Stopwatch();
    const timeout = Math.max(1, Math.min(this.#remainingMs(), this.#leaseTimeMs * renewShare));
    const { key, owner, fence } = this;
    // A timer may fire a moment too early.
    const end = setTimeout(() => this.check(), this.#remainingMs() + 2).unref();
    try {
      const values = [key, owner, fence, this.#leaseTimeMs];
      const rows = await this.#database.run(renewStatement(this.#tables), values, { timeout, isWrite: true });
      if (rows.length === 0) {
        this.lose();
        return;
      }
      this.#since = since;
      this.#schedule(this.#leaseTimeMs * renewShare);
    } catch {
      this.#schedule(this.#leaseTimeMs * retryShare);
    } finally {
      clearTimeout(end);
    }
  }
}

/** What the signal of a lock aborts with, and the error of a write that depended on it. */
export function lockLostError(name: string, cause?: unknown): TokenStoreError {
  const message = `the lock of ${JSON.stringify(name)} was lost: its lease ended before it could be renewed, so that another process may hold it now. Try again`;
  return new TokenStoreError('STORE_BUSY', message, { reason: 'lock-lost', cause });
}
