/** This folder has the lock of `exclusively`: the lease, the wait for it, and what waiting callers are told. */
import { uptime } from 'node:os';
import { type Lock, settled, TokenStoreError } from 'token-store-kit';
import type { Database, Row } from '../connection/database.ts';
import { deadlineIn } from '../connection/retry.ts';
import type { Statements } from '../statements.ts';

/** The lock counts as lost when this share of the lease is left, because a busy process notices it late. */
const safetyShare = 0.1;
const renewShare = 1 / 3;
const timerMarginMs = 2;
/** How long a caller waits for the release of its lock. */
const releaseTimeoutMs = 1_000;
/** For so long a process that releases a lock lets the others go first: a caller that is not told asks again in less. */
const giveWayMs = 1_200;
/**
 * The least share of a lease for which a caller waits since it has seen it first, or first again after the database was away: a holder that
 * lives renews it in this time, or writes what it has got. So a lease that had ended long before is taken a little later.
 */
const leastWaitShare = 1 / 2;

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

/** Another call's lease, as a caller has seen it. */
export interface Sighting {
  readonly lease: string | null | undefined;
  /** If it is not renewed, by `performance.now()`. */
  readonly endsAt: number;
}

/** A lease lasts no longer than it says itself, even if the clock of the server was set. `before`: how it was seen the time before. */
export function seeLease({ owner, seen, left_ms: leftMs }: Row, before?: Sighting): Sighting {
  if (before && before.lease === seen) return before;
  const leaseTimeMs = Number(/:([\d.]+)$/.exec(owner ?? '')?.[1] ?? Number.NaN);
  const left = Math.max(Number(leftMs), 0);
  const waitMs = leaseTimeMs > 0 ? Math.min(Math.max(left, leaseTimeMs * leastWaitShare), leaseTimeMs) : left;
  return { lease: seen, endsAt: performance.now() + waitMs };
}

/** Releases the lock if this call holds it. Says for how many milliseconds others are to go first; 0: none wants it. */
export async function release({ database, statements, name, key, owner, leaseTimeMs }: Claim): Promise<number> {
  const values = [key, owner, giveWayMs, statements.topicOf(name)];
  const options = { deadline: deadlineIn(leaseTimeMs), isPatient: true };
  const [row] = await database.write(statements.release, () => values, options);
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
    this.#schedule();
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
    this.#schedule();
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

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.hasEnded || this.isLost) return;
    const { leaseTimeMs } = this.claim;
    // For the signal. Without the margin, a timer that fires a moment too early would find the lease still held.
    const leftMs = this.check() ? this.#remainingMs + timerMarginMs : leaseTimeMs;
    // The lock does not keep the process alive.
    this.#timer = setTimeout(() => void this.#renew(), Math.max(0, Math.min(leaseTimeMs * renewShare, leftMs))).unref();
  }

  /** Does not wait for an earlier try, whose connection may be dead: any answer counts. */
  async #renew(): Promise<void> {
    const { database, statements, key, owner, leaseTimeMs } = this.claim;
    this.#schedule();
    let since = new Stopwatch();
    const values = (): unknown[] => {
      since = new Stopwatch();
      return [key, owner, this.fence, leaseTimeMs];
    };
    try {
      const options = { deadline: deadlineIn(leaseTimeMs), isPatient: true };
      const rows = await database.write(statements.renew, values, options);
      if (rows.length === 0) this.lose();
      else this.renewed(since);
    } catch {
      // The next renewal may succeed.
    }
  }
}

export function lockLostError(name: string): TokenStoreError {
  const problem = `the lock of ${JSON.stringify(name)} was lost: its lease ended before it could be renewed, so that another process may hold it now`;
  return new TokenStoreError('STORE_BUSY', problem, { reason: 'lock-lost', remedy: 'Try again' });
}
