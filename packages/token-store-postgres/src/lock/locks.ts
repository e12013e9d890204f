import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname } from 'node:os';
import { CallerQueue, type Lock, type LockWait, pause, type QueueOptions, settled } from 'token-store-kit';
import type { Row } from '../connection/database.ts';
import { deadlineIn, type Limits, unanswered } from '../connection/retry.ts';
import { adoptKey, type Context } from '../records/open-tables.ts';
import { Lease, type Sighting, Stopwatch, seeLease, sinceLost } from './lease.ts';

/** After a notification of a release, callers try at a random moment within this time, so that each of them is first now and then. */
const scatterMs = 50;
/** How soon after a release a waiting caller of another process asks again: with a notification of the release, and without. */
const giveWayMs = { told: 100, untold: 1_200 };
/** A caller that announces its next try for later than this gets notifications, and so polls rarely. */
const maxUntoldMs = 1_600;
/** Beyond this number, all are forgotten, and a caller may wait a little longer. */
const maxSightings = 10_000;
/** A caller is promised its answer within a second after its timeout. This is less, because timers of a busy process fire late. */
const lastAnswerMs = 750;

/** A waiting caller of `exclusively`. Times are by `performance.now()`. */
interface Attempt extends LockWait {
  readonly lease: Lease;
  tryAt: number;
  /** The lock holder at the last try. */
  holder?: string | undefined;
  /** Whether a notification has said since the last try that the lock may be free. */
  isTold?: boolean;
}

/**
 * The locks of one store. Processes do not queue: a caller tries at a random moment after a release, or about once a second. A process
 * that has just released a lock lets the others go first. So a caller gets its turn after about as many turns as there are callers.
 */
export class Locks {
  readonly #context: Context;
  readonly #leaseTimeMs: number;
  readonly #callers = new CallerQueue();
  /** The leases of the running tasks that the caller is within, the outermost one first. */
  readonly #leases = new AsyncLocalStorage<readonly Lease[]>();
  readonly #running = new Map<Promise<unknown>, Lease>();
  /** Until when other processes go first, by `performance.now()`. */
  readonly #giveWay = new Map<string, number>();
  /** The leases of others, by name. Calls share them, so that several short calls in a row can see a lease end. */
  readonly #sightings = new Map<string, Sighting>();

  constructor(context: Context, leaseTimeMs: number) {
    this.#context = context;
    this.#leaseTimeMs = leaseTimeMs;
  }

  /** See `PostgresTokenStore.exclusively`. */
  run<T>(name: string, task: (lock: Lock) => Promise<T>, options: QueueOptions): Promise<T> {
    const lease = new Lease(this.#context, name, this.#leaseTimeMs);
    let holder: string | undefined = thisHolder();
    const acquire = async (wait: LockWait): Promise<(() => Promise<void>) | undefined> => {
      const attempt: Attempt = { ...wait, lease, tryAt: this.#giveWay.get(name) ?? 0 };
      const isAcquired = await this.#acquire(attempt);
      this.#giveWay.delete(name);
      ({ holder } = attempt);
      if (!isAcquired) return undefined;
      this.#running.set(running, lease);
      return async () => {
        const wantedMs = await lease.release();
        const giveWay = wantedMs > maxUntoldMs ? giveWayMs.told : giveWayMs.untold;
        if (wantedMs > 0) this.#giveWay.set(name, performance.now() + giveWay);
      };
    };
    const runTask = () => this.#leases.run([...(this.#leases.getStore() ?? []), lease], () => task(lease));
    const running = this.#callers.run(name, runTask, { ...options, acquire, holder: () => ({ holder }) });
    return running.finally(() => this.#running.delete(running));
  }

  /** The lease that a write of this name depends on. Undefined if the caller is not within a running task for this name. */
  leaseFor(name: string): Lease | undefined {
    return this.#leases.getStore()?.findLast((lease) => lease.name === name && !lease.hasEnded);
  }

  /** The lease owners of the running tasks that the caller is within. */
  get owners(): string[] {
    return (this.#leases.getStore() ?? []).map(({ owner }) => owner);
  }

  /** Waits for all tasks but those that the caller is within. Tasks that need longer than `milliseconds` lose their locks. */
  async idle(milliseconds: number): Promise<void> {
    const own = this.#leases.getStore() ?? [];
    const others = [...this.#running].filter(([, lease]) => !own.includes(lease));
    await settled(Promise.allSettled(others.map(([task]) => task)), milliseconds);
    for (const [, lease] of others) lease.lose();
  }

  /** Waits for the lock. False if it is not acquired by the deadline. */
  async #acquire(attempt: Attempt): Promise<boolean> {
    const { watcher } = this.#context;
    const { lease, deadline, signals, tryAt: giveWayUntil } = attempt;
    let wake = (): void => {};
    const unwatch = watcher.watch(lease.name, 'lock', () => {
      attempt.isTold = true;
      attempt.tryAt = Math.max(performance.now() + Math.random() * scatterMs, giveWayUntil);
      wake();
    });
    let taking: Promise<boolean> | undefined;
    try {
      for (;;) {
        const waitMs = Math.min(attempt.tryAt, deadline) - performance.now();
        if (waitMs > 0) {
          watcher.listenSoon();
          await pause(waitMs, signals, (wakeUp) => {
            wake = wakeUp;
            return () => {};
          });
          continue;
        }
        taking = this.#take(attempt);
        await settled(taking, Number.POSITIVE_INFINITY, signals);
        if ((await taking) || performance.now() >= deadline) return taking;
      }
    } catch (error) {
      void withdraw(lease, taking);
      throw error;
    } finally {
      unwatch();
    }
  }

  /** Tries once. False if another call has the lock: then `attempt.tryAt` is the time of the next try. */
  async #take(attempt: Attempt): Promise<boolean> {
    const { database, statements, ring, watcher } = this.#context;
    const { lease, deadline } = attempt;
    const sentAt = performance.now();
    const leftMs = Math.max(deadline - sentAt, 0);
    const willAskMs = leftMs > 0 ? watcher.intervalMs : 0;
    let since = new Stopwatch();
    const take = (limits: Limits): Promise<Row[]> => {
      since = new Stopwatch();
      attempt.isTold = false;
      const sighting = sinceLost(database, this.#sightings.get(lease.name));
      const ended = sighting && sighting.endsAt <= performance.now() ? sighting.lease : null;
      const values = [lease.key, lease.owner, thisHolder(), lease.leaseTimeMs, willAskMs, ended, leftMs === 0];
      return database
        .use((run) => run(statements.take, values), limits, true)
        .catch((error) => {
          // Watch the lease anew: another session may have locked the row, so that the holder could not renew the lease either.
          this.#sightings.delete(lease.name);
          throw error;
        });
    };
    const answerBy = Math.min(deadline + lastAnswerMs, deadlineIn());
    // A caller that has already begun to wait does not give up because the server restarts.
    const [row = {}] = await database.repeat(take, { deadline: answerBy, isPatient: attempt.holder !== undefined });
    if (row.taken === 't') {
      lease.fence = row.fence;
      lease.renewed(since);
      // If the key was changed, or the tables are newer, the task could not store its result. So no person is asked for it.
      if (ring.isUsing(row.salt)) return true;
      await adoptKey(this.#context, answerBy).catch((error) => {
        void lease.release();
        throw error;
      });
      return true;
    }
    watcher.read(lease.name, row.revision ?? null, sentAt);
    attempt.holder = row.holder ?? undefined;
    const sighting = seeLease(row, sinceLost(database, this.#sightings.get(lease.name)));
    if (this.#sightings.size >= maxSightings) this.#sightings.clear();
    this.#sightings.set(lease.name, sighting);
    const endsInMs = Math.max(sighting.endsAt - performance.now(), 0) + Math.random() * scatterMs;
    const askInMs = Math.min(endsInMs, watcher.intervalMs * (0.9 + Math.random() / 10));
    // A notification that arrived during the query may be newer than the query's answer.
    if (!attempt.isTold) attempt.tryAt = performance.now() + askInMs;
    return false;
  }
}

/** For a caller that has given up: releases the lock if the statement under way acquires it, or may have acquired it. */
async function withdraw(lease: Lease, taking: Promise<boolean> | undefined): Promise<void> {
  if (await taking?.catch((error) => unanswered.has(error))) void lease.release();
}

function thisHolder(): string {
  return `process ${process.pid} on ${hostname()}`;
}
