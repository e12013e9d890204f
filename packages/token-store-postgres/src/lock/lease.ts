/** This folder has the lock of `exclusively`: the lease, the wait for it, and the notifications for waiting callers. */
import { randomBytes } from 'node:crypto';
import { uptime } from 'node:os';
import { type Lock, settled, TokenStoreError } from 'token-store-kit';
import type { Database, Row } from '../connection/database.ts';
import { deadlineIn } from '../connection/retry.ts';
import type { Context } from '../records/open-tables.ts';
import { toStoredName } from '../statements.ts';

/** The lock counts as lost when this share of the lease is left, because timers of a busy process fire late. */
const safetyShare = 0.1;
const renewShare = 1 / 3;
/** The pause after a failed renewal, as a share of the lease. */
const retryShare = 0.05;
/** How long a renewal waits for its answer. The next one has a new connection. */
const renewAnswerMs = 2_000;
/** How long a caller waits for the release of its lock. */
const releaseTimeoutMs = 1_000;
/**
 * A caller takes over a lease only after watching it for at least this share of its length, counted again after an outage of the database.
 * In this time, a live holder renews the lease or writes its result. So even a lease that expired long ago is not taken over at once.
 */
const leastWaitShare = 1 / 2;

/** Counts the machine's sleep as well, because a lease runs on. Linux's monotonic clock stops during sleep; its uptime does not. */
export class Stopwatch {
  readonly #start = performance.now();
  // uptime() counts in steps of 0.01 s on Linux, and of 1 s on macOS and FreeBSD. The next step must not look like sleep.
  readonly #startUptime = uptime() + (process.platform === 'linux' ? 0.01 : 1);

  get elapsedMs(): number {
    return Math.max(performance.now() - this.#start, (uptime() - this.#startUptime) * 1_000);
  }
}

/** What a waiting caller has seen of another call's lease. */
export interface Sighting {
  readonly lease: string | null | undefined;
  /** When the caller first saw the lease since its last renewal, by `performance.now()`. */
  readonly since: number;
  /** When the lease ends unless it is renewed, by `performance.now()`. */
  readonly endsAt: number;
}

/** A lease lasts no longer than its own stated length, even if the server's clock was set. `before`: the previous sighting of the lease. */
export function seeLease({ owner, seen, left_ms: leftMs }: Row, before?: Sighting): Sighting {
  if (before && before.lease === seen) return before;
  // NaN if another program has written the owner.
  const leaseTimeMs = Number(owner?.match(/:([\d.]+)$/)?.[1]);
  const left = Math.max(Number(leftMs), 0);
  const waitMs = leaseTimeMs ? Math.min(Math.max(left, leaseTimeMs * leastWaitShare), leaseTimeMs) : left;
  const since = performance.now();
  return { lease: seen, since, endsAt: since + waitMs };
}

/** Undefined if the server was unavailable after the sighting: the holder could not renew the lease then, and gets time to do so. */
export function sinceLost({ lostAt }: Database, sighting: Sighting | undefined): Sighting | undefined {
  return sighting && sighting.since > lostAt ? sighting : undefined;
}

/** The lease of one call of `exclusively`. This process has the lock from the first {@link renewed} on, as long as it renews the lease. */
export class Lease implements Lock {
  readonly name: string;
  /** The name as it is stored. */
  readonly key: string;
  readonly leaseTimeMs: number;
  /**
   * New for each call: a statement of an earlier call that arrives late must not act for this one. Random, because two clones of a frozen
   * process would count alike. Ends with the length of the lease in milliseconds.
   */
  readonly owner: string;
  fence: string | null | undefined;
  /** Whether the task has ended. */
  hasEnded = false;
  /** Whether another process has the lock, or is to get it. If only the signal has aborted, a write or a renewal may still succeed. */
  isLost = false;
  /** Whether the task's last write did not get through. Then the lock is not released, because the next holder would use a stale record. */
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

  /** Aborts before the lease can end. This getter checks the time as well: after the process was stopped, the timer may fire late. */
  get signal(): AbortSignal {
    this.check();
    return this.#controller.signal;
  }

  /** False if the lease may have ended. Then the signal has aborted. */
  check(): boolean {
    const isOver = this.isLost || this.#remainingMs <= 0;
    if (isOver && !this.hasEnded) this.#controller.abort(lockLostError(this.name));
    return !this.#controller.signal.aborted;
  }

  /** Call it if another process has the lock, or is to get it. */
  lose(): void {
    this.isLost = true;
    clearTimeout(this.#timer);
    this.check();
  }

  /** Call it after a statement has acquired or renewed the lease. `since` was started before the statement was sent. */
  renewed(since: Stopwatch): void {
    if (since.elapsedMs < this.#since.elapsedMs) this.#since = since;
    this.#schedule();
  }

  /** Releases the lock, or lets the lease expire. Resolves with the milliseconds within which another caller will ask; 0: none will. */
  async release(): Promise<number> {
    this.hasEnded = true;
    clearTimeout(this.#timer);
    if (this.isOwing) return 0;
    const { database, statements } = this.#context;
    const values = [this.key, this.owner, statements.topicOf(this.name)];
    const options = { deadline: deadlineIn(this.leaseTimeMs), isPatient: true, isBackground: true };
    const released = database.write(statements.release, () => values, options).catch(() => []);
    // A slower release is retried in the background, so that the caller need not wait for it.
    const [row] = (await settled(released, releaseTimeoutMs)) ? await released : [];
    return Math.max(Number(row?.wanted_ms ?? 0), 0);
  }

  get #remainingMs(): number {
    return this.leaseTimeMs * (1 - safetyShare) - this.#since.elapsedMs;
  }

  /** Sets the timer for a renewal after this share of the lease. */
  #schedule(share = renewShare): void {
    clearTimeout(this.#timer);
    if (this.hasEnded || this.isLost) return;
    // The timer also aborts the signal, before the lease ends. If it fires a moment too early, it is set again.
    const leftMs = this.check() ? this.#remainingMs : this.leaseTimeMs;
    // The lock does not keep the process alive.
    const delay = Math.min(this.leaseTimeMs * share, leftMs);
    this.#timer = setTimeout(() => void this.#renew(), delay).unref();
  }

  /**
   * Tries once. Only the timer tries again, because it ends with the task and does not keep the process alive. Does not wait for an earlier
   * try, whose connection may be dead. The answer to any try counts.
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
