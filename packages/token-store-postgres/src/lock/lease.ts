/** This folder has the lock of `exclusively`: the lease, the wait for it, and what waiting callers are told. */
import { randomBytes } from 'node:crypto';
import { uptime } from 'node:os';
import { type Lock, settled, TokenStoreError } from 'token-store-kit';
import type { Database, Row } from '../connection/database.ts';
import { deadlineIn } from '../connection/retry.ts';
import type { Context } from '../records/open-tables.ts';
import { toStoredName } from '../statements.ts';

/** The lock counts as lost when this share of the lease is left, because a busy process notices it late. */
const safetyShare = 0.1;
const renewShare = 1 / 3;
/** After a renewal that failed. */
const retryShare = 0.05;
/** Then a fresh connection is tried. */
const renewAnswerMs = 2_000;
/** How long a caller waits for the release of its lock. */
const releaseTimeoutMs = 1_000;
/**
 * The least share of a lease for which a caller waits since it has seen it first, or first again after the database was away: a holder that
 * lives renews it in this time, or writes what it has got. So a lease that had ended long before is taken a little later.
 */
const leastWaitShare = 1 / 2;

/** The monotonic clock of Linux stands still while the machine sleeps; a lease does not. The system's uptime counts sleep as well. */
export class Stopwatch {
  readonly #start = performance.now();
  // Linux counts hundredths of a second, macOS and FreeBSD whole ones: the next step is no sleep.
  readonly #startUptime = uptime() + (process.platform === 'linux' ? 0.01 : 1);

  get elapsedMs(): number {
    return Math.max(performance.now() - this.#start, (uptime() - this.#startUptime) * 1_000);
  }
}

/** Another call's lease, as a caller has seen it. */
export interface Sighting {
  readonly lease: string | null | undefined;
  /** When it was seen first, by `performance.now()`. */
  readonly since: number;
  /** If it is not renewed. */
  readonly endsAt: number;
}

/** A lease lasts no longer than it says itself, even if the clock of the server was set. `before`: how it was seen the time before. */
export function seeLease({ owner, seen, left_ms: leftMs }: Row, before?: Sighting): Sighting {
  if (before && before.lease === seen) return before;
  // Not a number if another program has written it.
  const leaseTimeMs = Number(owner?.match(/:([\d.]+)$/)?.[1]);
  const left = Math.max(Number(leftMs), 0);
  const waitMs = leaseTimeMs ? Math.min(Math.max(left, leaseTimeMs * leastWaitShare), leaseTimeMs) : left;
  const since = performance.now();
  return { lease: seen, since, endsAt: since + waitMs };
}

/** Undefined if the server was away since it was seen: its holder could not renew it, and gets time to come back. */
export function sinceLost({ lostAt }: Database, sighting: Sighting | undefined): Sighting | undefined {
  return sighting && sighting.since > lostAt ? sighting : undefined;
}

/** The lease of one call of `exclusively`: a lock that this process holds, since {@link renewed} was called first, and as long as it can renew it. */
export class Lease implements Lock {
  readonly name: string;
  /** The name as it is stored. */
  readonly key: string;
  readonly leaseTimeMs: number;
  /**
   * Of this call alone, because a statement of another one that arrives late must not act for it; random, because two copies of a process that
   * was frozen and cloned count alike. It says how long the lease lasts.
   */
  readonly owner: string;
  fence: string | null | undefined;
  /** Whether its task has. */
  hasEnded = false;
  /** Whether another process has the lock. After the signal alone, none may have it: then a write counts, and a renewal. */
  isLost = false;
  /** Whether its last write did not get through. Then it is not released: the next one would act on a record that is out of date. */
  isOwing = false;
  readonly #context: Context;
  readonly #controller = new AbortController();
  #since = new Stopwatch();
  #timer: NodeJS.Timeout | undefined;

  constructor(context: Context, name: string, leaseTimeMs: number) {
    this.#context = context;
    this.name = name;
    this.key = toStoredName(name);
    this.leaseTimeMs = leaseTimeMs;
    this.owner = `${randomBytes(15).toString('base64url')}:${leaseTimeMs}`;
  }

  /** Aborts before the lease can end. Reading it checks the time: in a process that was stopped, the timer may still be due. */
  get signal(): AbortSignal {
    this.check();
    return this.#controller.signal;
  }

  /** False, and the signal has aborted, if the lease can have ended. */
  check(): boolean {
    const isOver = this.isLost || this.#remainingMs <= 0;
    if (isOver && !this.hasEnded) this.#controller.abort(lockLostError(this.name));
    return !this.#controller.signal.aborted;
  }

  /** Call it if another process holds the lock, or shall have it. */
  lose(): void {
    this.isLost = true;
    clearTimeout(this.#timer);
    this.check();
  }

  /** Call it after a statement has acquired or renewed it. `since`: from before that was sent. */
  renewed(since: Stopwatch): void {
    if (since.elapsedMs < this.#since.elapsedMs) this.#since = since;
    this.#schedule();
  }

  /** Releases the lock, or leaves it to its end. Says within how many milliseconds another caller will ask for it; 0: none will. */
  async release(): Promise<number> {
    this.hasEnded = true;
    clearTimeout(this.#timer);
    if (this.isOwing) return 0;
    const { database, statements } = this.#context;
    const values = [this.key, this.owner, statements.topicOf(this.name)];
    const options = { deadline: deadlineIn(this.leaseTimeMs), isPatient: true, isBackground: true };
    const released = database.write(statements.release, () => values, options).catch(() => []);
    // If it takes longer, the repetitions go on, and the caller need not wait for them.
    const [row] = (await settled(released, releaseTimeoutMs)) ? await released : [];
    return Math.max(Number(row?.wanted_ms ?? 0), 0);
  }

  get #remainingMs(): number {
    return this.leaseTimeMs * (1 - safetyShare) - this.#since.elapsedMs;
  }

  /** Renews after this share of the lease. */
  #schedule(share = renewShare): void {
    clearTimeout(this.#timer);
    if (this.hasEnded || this.isLost) return;
    // For the signal. A timer that fires a moment too early begins anew.
    const leftMs = this.check() ? this.#remainingMs : this.leaseTimeMs;
    // The lock does not keep the process alive.
    const delay = Math.min(this.leaseTimeMs * share, leftMs);
    this.#timer = setTimeout(() => void this.#renew(), delay).unref();
  }

  /**
   * Tries once, and again by the timer alone: it ends with the task, and does not keep the process alive. Does not wait for an earlier try, whose
   * connection may be dead: any answer counts.
   */
  async #renew(): Promise<void> {
    this.#schedule();
    const { database, statements } = this.#context;
    const since = new Stopwatch();
    try {
      const values = [this.key, this.owner, this.fence, this.leaseTimeMs];
      const limits = { deadline: Math.min(deadlineIn(this.leaseTimeMs), deadlineIn()), answerMs: renewAnswerMs };
      const rows = await database.use((run) => run(statements.renew, values), limits);
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
