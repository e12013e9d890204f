import { pause } from 'token-store-kit';
import { isUnanswered, retry } from '../connection/retry.ts';
import { settled } from '../connection/settled.ts';
import { Stopwatch } from '../connection/stopwatch.ts';
import { type Claim, Lease, release } from './lease.ts';
import type { Notice, Watcher } from './watcher.ts';

/** Callers that are told of a release try at a random moment within this time, so that each of them is the first one now and then. */
const scatterMs = 50;
/** Two tries of a caller are at least so far apart, and at most twice as far, if it only wants to note that it still waits. */
const noteGapMs = 500;
/** Limits of the wait for an answer, whatever the caller's own timeout is. */
const answerMs = { min: 2_000, max: 5_000 };

export interface LeaseRequest extends Claim {
  readonly watcher: Watcher;
  /** Who that is, for the error of others. */
  readonly holder: string;
  /** By `performance.now()`. If it has passed already, the lock is tried once. */
  readonly deadline: number;
  /** Until when to let other callers go first, by `performance.now()`, or until one of them has acquired the lock. */
  readonly giveWayUntil: number;
  readonly signals: readonly AbortSignal[];
}

/**
 * Waits for the lock. If it is not acquired by the deadline, the result names the holder, if known.
 *
 * There is no queue: each caller tries when it hears of a release, at a random moment, or else about once a second. A process that has
 * just released the lock lets the others go first. So a caller that has to wait gets its turn after about as many others as there are.
 */
export async function acquireLease(request: LeaseRequest): Promise<Lease | { holder?: string }> {
  const { watcher, name, deadline, signals } = request;
  let { giveWayUntil } = request;
  let tryAt = Math.min(giveWayUntil, deadline);
  let wake: (() => void) | undefined;
  let holder: string | undefined;
  let sentAt = Number.NEGATIVE_INFINITY;
  /** Whether it was told of the lock since its last statement was sent. */
  let isTold = false;
  /** Whether it has asked in vain. */
  let hasAsked = false;
  let taking: Promise<Lease | undefined> | undefined;

  const setTry = (inMs: number): void => {
    tryAt = performance.now() + inMs;
    wake?.();
  };
  const hear = (notice: Notice): void => {
    if (notice === 'written') return;
    isTold = true;
    const now = performance.now();
    const soonMs = Math.random() * scatterMs;
    if (notice === 'taken') {
      giveWayUntil = now;
      // Whoever takes the lock may forget who else wants it: note that again, but not too often.
      setTry(Math.max(soonMs, sentAt + noteGapMs * (1 + Math.random()) - now));
    } else setTry(Math.max(soonMs, giveWayUntil - now));
  };
  const unwatch = watcher.watch(name, hear);

  /** Undefined if another caller has the lock. */
  const take = async (): Promise<Lease | undefined> => {
    const { database, statements, key, owner, leaseTimeMs, topic } = request;
    const leftMs = Math.max(deadline - performance.now(), 0);
    const timeoutMs = Math.round(Math.min(answerMs.max, Math.max(leftMs, answerMs.min)));
    const willAskMs = leftMs > 0 ? watcher.intervalMs : 0;
    const values = [key, owner, request.holder, leaseTimeMs, willAskMs, topic, hasAsked];
    let since = new Stopwatch();
    const run = () => {
      since = new Stopwatch();
      sentAt = performance.now();
      isTold = false;
      return database.write(statements.take, values, timeoutMs);
    };
    // A caller that waits does not give up for a restart.
    const [row] = await retry(run, { withinMs: Math.max(leftMs, answerMs.min), isPatient: hasAsked });
    if (row?.taken === 't') return new Lease(request, row.fence ?? '', since);
    hasAsked = true;
    holder = row?.holder ?? undefined;
    watcher.read(name, row?.revision ?? null, sentAt);
    // What it was told meanwhile is newer than this answer may be.
    if (isTold) return undefined;
    const endsInMs = Math.max(Number(row?.left_ms ?? 0), 0) + Math.random() * scatterMs;
    setTry(Math.min(endsInMs, watcher.intervalMs * (0.9 + Math.random() / 10)));
    return undefined;
  };

  /** For a caller that has given up: undoes what a statement that is under way may still do. */
  const withdraw = async (): Promise<void> => {
    try {
      await (await taking)?.release();
    } catch (error) {
      if (isUnanswered(error)) await release(request).catch(() => {});
    }
  };

  try {
    for (;;) {
      const waitMs = Math.min(tryAt, deadline) - performance.now();
      if (waitMs > 0) {
        await pause(waitMs, signals, (wakeUp) => {
          wake = wakeUp;
          return () => {
            wake = undefined;
          };
        });
        continue;
      }
      taking = take();
      await settled(taking, Number.POSITIVE_INFINITY, signals);
      const lease = await taking;
      if (lease) return lease;
      if (performance.now() >= deadline) return holder === undefined ? {} : { holder };
    }
  } catch (error) {
    void withdraw();
    throw error;
  } finally {
    unwatch();
  }
}
