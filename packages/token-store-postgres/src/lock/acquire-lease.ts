import { pause } from 'token-store-kit';
import type { Database, Row } from '../connection/database.ts';
import { isUnanswered, retry } from '../connection/retry.ts';
import { Stopwatch } from '../connection/stopwatch.ts';
import type { Statements } from '../statements.ts';
import { type Claim, Lease, release } from './lease.ts';
import type { Notice, Watcher } from './watcher.ts';

/** Callers that are told of a release try at a random moment within this time, so that each of them is the first one now and then. */
const scatterMs = 50;
/** Two tries of a caller are at least so far apart, and at most twice as far, if it only wants to note that it still waits. */
const noteGapMs = 500;
/** Limits of the wait for an answer, whatever the caller's own timeout is. */
const maxAnswerMs = 5_000;
const minAnswerMs = 2_000;

export interface LeaseRequest extends Claim {
  /** Who that is, for the error of others. */
  readonly holder: string;
  /** By `performance.now()`. If it has passed already, the lock is tried once. */
  readonly deadline: number;
  /** Until when to let other callers go first, by `performance.now()`, or until one of them has acquired the lock. */
  readonly giveWayUntil: number;
  readonly signals: readonly AbortSignal[];
}

export interface LeaseContext {
  readonly database: Database;
  readonly statements: Statements;
  readonly watcher: Watcher;
}

/**
 * Waits for the lock. If it is not acquired by the deadline, the result names the holder, if known.
 *
 * There is no queue: each caller tries when it hears of a release, at a random moment, or else about once a second. A process that has
 * just released the lock lets the others go first. So a caller that has to wait gets its turn after about as many others as there are.
 */
export function acquireLease(context: LeaseContext, request: LeaseRequest): Promise<Lease | { holder?: string }> {
  return new Acquisition(context, request).run();
}

class Acquisition {
  readonly #context: LeaseContext;
  readonly #request: LeaseRequest;
  /** When to try, by `performance.now()`. */
  #tryAt: number;
  #giveWayUntil: number;
  /** When the last statement was sent. */
  #sentAt = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;
  /** Whether it was told of the lock since its last statement was sent. */
  #isTold = false;
  /** Whether it has asked in vain. */
  #hasAsked = false;
  /** The statement that is under way, or the last one. */
  #taking: Promise<Lease | undefined> | undefined;
  #holder: string | undefined;

  constructor(context: LeaseContext, request: LeaseRequest) {
    this.#context = context;
    this.#request = request;
    this.#giveWayUntil = request.giveWayUntil;
    this.#tryAt = Math.min(request.giveWayUntil, request.deadline);
  }

  async run(): Promise<Lease | { holder?: string }> {
    const { name, deadline, signals } = this.#request;
    let unwatch: (() => void) | undefined;
    try {
      for (;;) {
        if (performance.now() >= this.#tryAt) {
          const lease = await this.#takeOrAbort();
          if (lease) return lease;
        }
        const now = performance.now();
        if (now >= deadline) return this.#holder === undefined ? {} : { holder: this.#holder };
        unwatch ??= this.#context.watcher.watch(name, (notice) => this.#hear(notice));
        await pause(Math.min(this.#tryAt, deadline) - now, signals, (wake) => {
          this.#wake = wake;
          return () => {
            this.#wake = undefined;
          };
        });
      }
    } catch (error) {
      void this.#withdraw();
      throw error;
    } finally {
      unwatch?.();
    }
  }

  /** An abort ends the wait at once, also if a statement is under way. */
  async #takeOrAbort(): Promise<Lease | undefined> {
    const { signals } = this.#request;
    for (const signal of signals) signal.throwIfAborted();
    this.#taking = this.#take();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (event: Event): void => reject((event.target as AbortSignal).reason);
    for (const signal of signals) signal.addEventListener('abort', abort);
    try {
      return await Promise.race([this.#taking, aborted]);
    } finally {
      for (const signal of signals) signal.removeEventListener('abort', abort);
    }
  }

  /** Undefined if another caller has the lock. */
  async #take(): Promise<Lease | undefined> {
    const { database, statements, watcher } = this.#context;
    const { name, key, topic, owner, holder, leaseTimeMs, deadline } = this.#request;
    const left = deadline - performance.now();
    const timeout = Math.round(Math.min(maxAnswerMs, Math.max(left, minAnswerMs)));
    const willAskMs = left > 0 ? watcher.intervalMs : 0;
    const values = [key, owner, holder, leaseTimeMs, willAskMs, topic, this.#hasAsked];
    let since = new Stopwatch();
    const take = (): Promise<Row[]> => {
      since = new Stopwatch();
      this.#sentAt = performance.now();
      this.#isTold = false;
      return database.write(statements.take, values, timeout);
    };
    // A caller that waits does not give up for a restart.
    const [row] = await retry(take, { withinMs: Math.max(left, minAnswerMs), isPatient: this.#hasAsked });
    if (row?.taken === 't') return new Lease(database, statements, this.#request, row.fence ?? '', since);
    this.#hasAsked = true;
    this.#holder = row?.holder ?? undefined;
    watcher.looked(name, row?.revision ?? null, this.#sentAt);
    // What it was told meanwhile is newer than this answer may be.
    if (this.#isTold) return undefined;
    const endsInMs = Math.max(Number(row?.left_ms ?? 0), 0) + Math.random() * scatterMs;
    this.#setTry(Math.min(endsInMs, watcher.intervalMs * (0.9 + Math.random() / 10)));
    return undefined;
  }

  #hear(notice: Notice): void {
    const now = performance.now();
    const soonMs = Math.random() * scatterMs;
    switch (notice) {
      case 'written':
        return;
      case 'taken':
        // Whoever acquires the lock forgets who else wants it.
        this.#giveWayUntil = now;
        this.#setTry(Math.max(soonMs, this.#sentAt + noteGapMs * (1 + Math.random()) - now));
        break;
      case 'free':
      case 'missed':
        this.#setTry(Math.max(soonMs, this.#giveWayUntil - now));
    }
    this.#isTold = true;
  }

  #setTry(inMs: number): void {
    this.#tryAt = performance.now() + inMs;
    this.#wake?.();
  }

  /** For a caller that has given up: undoes what a statement that is under way may still do. */
  async #withdraw(): Promise<void> {
    const { database, statements } = this.#context;
    try {
      await (await this.#taking)?.release();
    } catch (error) {
      if (isUnanswered(error)) await release(database, statements, this.#request).catch(() => {});
    }
  }
}
