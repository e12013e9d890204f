/** This folder has the lock of `exclusively`: the lease, the wait for it, and what waiting callers are told. */
import { uptime } from 'node:os';
import { type Lock, settled, TokenStoreError } from 'token-store-kit';
import type { Database } from '../connection/database.ts';
import { deadlineIn, type Limits, retry } from '../connection/retry.ts';
import type { Statements } from '../statements.ts';

/** The lock counts as lost when this share of the lease is left, because a busy process notices it late. */
const safetyShare = 0.1;
const renewShare = 1 / 3;
/** After a renewal that failed. */
const retryShare = 0.05;
const timerMarginMs = 2;
/** Then it is tried again, on a fresh connection. */
const renewAnswerMs = 2_000;
/** How long a caller waits for the release of its lock. */
const releaseTimeoutMs = 1_000;

/** A call of `exclusively`, as the table knows it. */
export interface Claim {
  readonly database: Database;
  readonly statements: Statements;
  readonly name: string;
  /** The name as it is stored. */
  readonly key: string;
  /** Of this call alone, because a statement of another one that arrives late must not act for it, and its lease in ms. */
  readonly owner: string;
  readonly leaseTimeMs: number;
}

/** The monotonic clock of Linux stands still while the machine sleeps; a lease does not. The system's uptime counts sleep as well. */
export class Stopwatch {
  readonly #start = performance.now();
  readonly #startUptime = uptime();

  get elapsedMs(): number {
    return Math.max(performance.now() - this.#start, (uptime() - this.#startUptime) * 1_000);
  }
}

/** Releases the lock if this call holds it. Says within how many milliseconds another caller will ask for it; 0: none will. */
export async function release({ database, statements, name, key, owner, leaseTimeMs }: Claim): Promise<number> {
  const run = (limits: Limits) => database.write(statements.release, [key, owner, statements.topicOf(name)], limits);
  const [row] = await retry(run, { deadline: deadlineIn(leaseTimeMs), mayPass: 'all' });
  return Math.max(Number(row?.wanted_ms ?? 0), 0);
}

/** A lock that this process holds, as long as it can renew it. */
export class Lease implements Lock {
  readonly claim: Claim;
  readonly fence: string;
  readonly #controller = new AbortController();
  #since: Stopwatch;
  #timer: NodeJS.Timeout | undefined;
  /** Whether its task has. */
  hasEnded = false;
  /** Whether another process has the lock. After the signal alone, none may have it: then a write counts, and a renewal. */
  isLost = false;
  /** Whether its last write did not get through. Then it is not released: the next one would act on a record that is out of date. */
  isOwing = false;

  /** `since`: from before the lock was requested. */
  constructor(claim: Claim, fence: string, since: Stopwatch) {
    this.claim = claim;
    this.fence = fence;
    this.#since = since;
    this.#schedule(renewShare);
  }

  /** Aborts before the lease can end. Reading it checks the time: in a process that was stopped, the timer may still be due. */
  get signal(): AbortSignal {
    this.check();
    return this.#controller.signal;
  }

  /** False, and the signal has aborted, if the lease can have ended. */
  check(): boolean {
    if (this.#remainingMs <= 0) this.#abort();
    return !this.#controller.signal.aborted;
  }

  /** Call it if another process holds the lock, or shall have it. */
  lose(): void {
    this.isLost = true;
    clearTimeout(this.#timer);
    this.#abort();
  }

  /** Call it after a statement has renewed it. `since`: from before that was sent. */
  renewed(since: Stopwatch): void {
    if (since.elapsedMs < this.#since.elapsedMs) this.#since = since;
    this.#schedule(renewShare);
  }

  /** Call it after the task. Says what {@link release} does. Never rejects: a lease that cannot be released ends by itself. */
  async release(): Promise<number> {
    this.hasEnded = true;
    clearTimeout(this.#timer);
    if (this.isOwing) return 0;
    const released = release(this.claim).catch(() => 0);
    // If it takes longer, the repetitions go on, and the caller need not wait for them.
    return (await settled(released, releaseTimeoutMs)) ? released : 0;
  }

  #abort(): void {
    if (!this.hasEnded) this.#controller.abort(lockLostError(this.claim.name));
  }

  get #remainingMs(): number {
    return this.claim.leaseTimeMs * (1 - safetyShare) - this.#since.elapsedMs;
  }

  /** Renews after this share of the lease. */
  #schedule(share: number): void {
    clearTimeout(this.#timer);
    if (this.hasEnded || this.isLost) return;
    const { leaseTimeMs } = this.claim;
    // For the signal. Without the margin, a timer that fires a moment too early would find the lease still held.
    const leftMs = this.check() ? this.#remainingMs + timerMarginMs : leaseTimeMs;
    // The lock does not keep the process alive.
    this.#timer = setTimeout(() => void this.#renew(), Math.max(0, Math.min(leaseTimeMs * share, leftMs))).unref();
  }

  /** Does not wait for an earlier try, whose connection may be dead: any answer counts. */
  async #renew(): Promise<void> {
    const { database, statements, key, owner, leaseTimeMs } = this.claim;
    this.#schedule(renewShare);
    const since = new Stopwatch();
    try {
      const values = [key, owner, this.fence, leaseTimeMs];
      const limits = { deadline: Math.min(deadlineIn(leaseTimeMs), deadlineIn()), answerMs: renewAnswerMs };
      const rows = await database.write(statements.renew, values, limits);
      if (rows.length === 0) this.lose();
      else this.renewed(since);
    } catch {
      this.#schedule(retryShare);
    }
  }
}

export function lockLostError(name: string): TokenStoreError {
  const problem = `the lock of ${JSON.stringify(name)} was lost: its lease ended before it could be renewed, so that another process may hold it now`;
  return new TokenStoreError('STORE_BUSY', problem, { reason: 'lock-lost', remedy: 'Try again' });
}
