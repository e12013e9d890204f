import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { CallerQueue, type Lock, lockHeldError, pause, settled } from 'token-store-kit';
import { deadlineIn, isUnanswered, type Limits, retry } from '../connection/retry.ts';
import type { Context } from '../records/record-table.ts';
import { toStoredName } from '../statements.ts';
import { type Claim, Lease, release, Stopwatch } from './lease.ts';
import { type Sighting, seeLease } from './sighting.ts';

/** Callers that are told of a release try at a random moment within this time, so that each of them is the first one now and then. */
const scatterMs = 50;
/** With more leases, a caller may wait a little longer. */
const maxSightings = 10_000;
/** A caller elsewhere that wants the lock asks again within this time if it is told of the release, and if it is not. */
const giveWayMs = { told: 100, untold: 1_200 };
/** One that is told looks seldom, so it has asked for longer than that. */
const maxUntoldMs = 1_600;
/** A caller is answered within a second after its timeout: this is less, because a busy process is late. */
const lastAnswerMs = 750;

/**
 * The locks of one store. Processes do not queue: a caller tries at a random moment after a release, or about once a second. One that
 * has just released a lock lets the others go first. So a caller gets its turn after about as many as there are.
 */
export class Locks {
  readonly #context: Context;
  readonly #leaseTimeMs: number;
  readonly #callers = new CallerQueue();
  /** Of the running tasks that the caller is within, the outermost one first. */
  readonly #leases = new AsyncLocalStorage<readonly Lease[]>();
  readonly #running = new Map<Promise<unknown>, Lease>();
  /** Names whose lock other processes wanted when it was released here, and until when they may come, by `performance.now()`. */
  readonly #wanted = new Map<string, number>();
  readonly #sightings = new Map<string, Sighting>();

  constructor(context: Context, leaseTimeMs: number) {
    this.#context = context;
    this.#leaseTimeMs = leaseTimeMs;
  }

  /** See `PostgresTokenStore.exclusively`. */
  run<T>(
    name: string,
    task: (lock: Lock) => Promise<T>,
    options: { timeout: number; signal: AbortSignal | undefined; closing: AbortSignal },
  ): Promise<T> {
    const { timeout, signal, closing } = options;
    const deadline = performance.now() + timeout;
    const key = toStoredName(name);
    const acquireAndRun = async (): Promise<T> => {
      const { database, statements } = this.#context;
      // Random: two copies of a process that was frozen and cloned count alike.
      const owner = `${randomBytes(15).toString('base64url')}:${this.#leaseTimeMs}`;
      const claim = { database, statements, name, key, owner, leaseTimeMs: this.#leaseTimeMs };
      const signals = [closing, signal];
      const lease = await this.#acquire(claim, deadline, signals);
      this.#wanted.delete(name);
      if (!(lease instanceof Lease)) throw lockHeldError(name, timeout, lease);
      const running = this.#runTask(lease, task, signals);
      this.#running.set(running, lease);
      return running.finally(() => this.#running.delete(running));
    };
    return this.#callers.run(name, acquireAndRun, { ...options, holder: () => ({ holder: thisHolder() }) });
  }

  /** The lease that a write of this name depends on. Undefined if the caller is not within a running task for this name. */
  leaseFor(name: string): Lease | undefined {
    return this.#leases.getStore()?.findLast((lease) => lease.claim.name === name && !lease.hasEnded);
  }

  /** Which calls have the locks of the tasks that the caller is within. */
  get owners(): string[] {
    return (this.#leases.getStore() ?? []).map(({ claim }) => claim.owner);
  }

  /** Waits for all tasks, but not if the caller is within one. Tasks that need longer than `milliseconds` lose their locks. */
  async idle(milliseconds: number): Promise<void> {
    if (this.#leases.getStore()) return;
    await settled(Promise.allSettled(this.#running.keys()), milliseconds);
    for (const lease of this.#running.values()) lease.lose();
  }

  async #runTask<T>(lease: Lease, task: (lock: Lock) => Promise<T>, signals: (AbortSignal | undefined)[]): Promise<T> {
    try {
      // The caller may have given up since it came.
      for (const each of signals) each?.throwIfAborted();
      return await this.#leases.run([...(this.#leases.getStore() ?? []), lease], () => task(lease));
    } finally {
      const wantedMs = await lease.release();
      const giveWay = wantedMs > maxUntoldMs ? giveWayMs.told : giveWayMs.untold;
      if (wantedMs > 0) this.#wanted.set(lease.claim.name, performance.now() + giveWay);
    }
  }

  /** Waits for the lock. If it is not acquired by the deadline, the result names the holder, if known. Times are `performance.now()`'s. */
  async #acquire(
    claim: Claim,
    deadline: number,
    signals: (AbortSignal | undefined)[],
  ): Promise<Lease | { holder: string | undefined }> {
    const { watcher } = this.#context;
    const attempt: Attempt = { claim, deadline, isTold: false };
    const giveWayUntil = this.#wanted.get(claim.name) ?? 0;
    let tryAt = giveWayUntil;
    let wake: (() => void) | undefined;
    const unwatch = watcher.watch(claim.name, 'lock', () => {
      attempt.isTold = true;
      tryAt = Math.max(performance.now() + Math.random() * scatterMs, giveWayUntil);
      wake?.();
    });
    let taking: Promise<Lease | number> | undefined;
    try {
      for (;;) {
        const waitMs = Math.min(tryAt, deadline) - performance.now();
        if (waitMs > 0) {
          watcher.listenSoon();
          await pause(waitMs, signals, (wakeUp) => {
            wake = wakeUp;
            return () => {
              wake = undefined;
            };
          });
          continue;
        }
        taking = this.#take(attempt);
        await settled(taking, Number.POSITIVE_INFINITY, signals);
        const lease = await taking;
        if (lease instanceof Lease) return lease;
        if (performance.now() >= deadline) return { holder: attempt.holder };
        // What it was told meanwhile is newer than this answer may be.
        if (!attempt.isTold) tryAt = performance.now() + lease;
      }
    } catch (error) {
      void withdraw(claim, taking);
      throw error;
    } finally {
      unwatch();
    }
  }

  /** The lease, or in how many milliseconds to try again. */
  async #take(attempt: Attempt): Promise<Lease | number> {
    const { watcher } = this.#context;
    const { claim, deadline } = attempt;
    const { database, statements, name, key, owner, leaseTimeMs } = claim;
    const sentAt = performance.now();
    const leftMs = Math.max(deadline - sentAt, 0);
    const willAskMs = leftMs > 0 ? watcher.intervalMs : 0;
    let since = new Stopwatch();
    let sighting: Sighting | undefined;
    const run = (limits: Limits) => {
      since = new Stopwatch();
      attempt.isTold = false;
      sighting = this.#sightings.get(key);
      this.#sightings.delete(key);
      const ended = sighting && sighting.endsAt <= performance.now() ? sighting.lease : null;
      const values = [key, owner, thisHolder(), leaseTimeMs, willAskMs, ended, leftMs === 0];
      return database.write(statements.take, values, limits);
    };
    // A caller that waits does not give up for a restart.
    const answerBy = Math.min(deadline + lastAnswerMs, deadlineIn());
    const [row = {}] = await retry(run, { deadline: answerBy, mayPass: attempt.holder === undefined ? 'down' : 'all' });
    if (row.taken === 't') return new Lease(claim, row.fence ?? '', since);
    watcher.read(name, row.revision ?? null, sentAt);
    attempt.holder = row.holder ?? undefined;
    sighting = seeLease(row, sighting);
    if (this.#sightings.size >= maxSightings) this.#sightings.clear();
    this.#sightings.set(key, sighting);
    const endsInMs = Math.max(sighting.endsAt - performance.now(), 0) + Math.random() * scatterMs;
    return Math.min(endsInMs, watcher.intervalMs * (0.9 + Math.random() / 10));
  }
}

interface Attempt {
  readonly claim: Claim;
  readonly deadline: number;
  /** Who had the lock when it asked. */
  holder?: string | undefined;
  /** Whether it was told since that the lock may be free. */
  isTold: boolean;
}

/** For a caller that has given up: undoes what a statement that is under way may still do. */
async function withdraw(claim: Claim, taking: Promise<Lease | number> | undefined): Promise<void> {
  try {
    const lease = await taking;
    if (lease instanceof Lease) await lease.release();
  } catch (error) {
    if (isUnanswered(error)) await release(claim).catch(() => {});
  }
}

function thisHolder(): string {
  return `process ${process.pid} on ${hostname()}`;
}
