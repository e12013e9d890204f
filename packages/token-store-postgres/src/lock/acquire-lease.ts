import { pause, type TokenStoreError } from 'token-store-kit';
import { type Database, isUnanswered, type Row } from '../connection/database.ts';
import { Stopwatch } from '../connection/stopwatch.ts';
import { type Tables, toKey, toTopic } from '../tables/names.ts';
import { isTrue } from '../tables/open-tables.ts';
import { dueAfterRelease, pollingMark, toldMark } from '../tables/record-statements.ts';
import { Lease } from './lease.ts';
import { endTimeoutMs, leaveStatement, maxToldEntries, takeStatement } from './lease-statements.ts';
import type { Notice, Watcher } from './watcher.ts';

/** How long a caller that is in the queue waits for a database that restarts. */
const outageLimitMs = 10_000;
/** A caller that is not in the queue waits this long. */
const shortOutageLimitMs = 3_000;
const outageRetryMs = 500;
/** The shortest wait after a try that failed. */
const minRetryMs = 20;
/** Limits of the statement that acquires the lock, whatever the caller's own timeout is. */
const takeTimeoutMs = 5_000;
const minTakeTimeoutMs = 2_000;

export interface LeaseRequest {
  readonly name: string;
  /** Of this call alone. */
  readonly owner: string;
  /** Who that is, for the error of others. */
  readonly holder: string;
  readonly leaseTimeMs: number;
  /** By `performance.now()`. If it has passed already, the lock is tried once. */
  readonly deadline: number;
  readonly signals: readonly AbortSignal[];
}

export interface LeaseContext {
  readonly database: Database;
  readonly tables: Tables;
  readonly watcher: Watcher;
}

/** Waits for the lock. If it is not acquired by the deadline, the result names the holder, if known. */
export function acquireLease(
  context: LeaseContext,
  request: LeaseRequest,
): Promise<Lease | { holder: string | undefined }> {
  return new Acquisition(context, request).run();
}

/** One caller on its way through the queue. */
class Acquisition {
  readonly #context: LeaseContext;
  readonly #request: LeaseRequest;
  readonly #key: string;
  readonly #topic: string;
  readonly #entry: string;
  /** By `performance.now()`: when it is this caller's turn, as far as it was told. */
  #turnAt = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;
  /** Messages about the lock so far. */
  #notices = 0;
  #joined = false;
  /** Whether it was told that it is no longer in the queue, and has not joined it again. */
  #missedTurn = false;
  /** The statement that is under way, or the last one. */
  #taking: Promise<Lease | undefined> | undefined;
  #isTaking = false;
  #holder: string | undefined;
  /** By `performance.now()`: since when the database cannot be reached, and why. */
  #outSince: number | undefined;
  #outage: TokenStoreError | undefined;
  /** Whether a statement whose answer was lost may have acquired the lock. */
  #mayHold = false;

  constructor(context: LeaseContext, request: LeaseRequest) {
    this.#context = context;
    this.#request = request;
    this.#key = toKey(request.name);
    this.#topic = toTopic(context.tables, request.name);
    this.#entry = `${context.watcher.isTold ? toldMark : pollingMark}${request.owner}`;
  }

  async run(): Promise<Lease | { holder: string | undefined }> {
    const { deadline, name } = this.#request;
    const onNotice = (notice: Notice): void => this.#hear(notice);
    const onLook = (row: Row): void => this.#see(row);
    const watched = { name, entry: this.#entry, isForLock: true, onNotice, onLook };
    let unwatch: (() => void) | undefined;
    try {
      for (;;) {
        const lease = performance.now() >= this.#turnAt ? await this.#takeOrAbort() : undefined;
        if (lease) return lease;
        const now = performance.now();
        if (now >= deadline && !this.#mayHold) break;
        unwatch ??= this.#context.watcher.watch(watched);
        await this.#untilTurn((this.#mayHold ? this.#turnAt : Math.min(this.#turnAt, deadline)) - now);
      }
    } catch (error) {
      void this.#withdraw();
      throw error;
    } finally {
      unwatch?.();
    }
    await this.#leave();
    if (this.#outage) throw this.#outage;
    return { holder: this.#holder };
  }

  /** An abort ends the wait at once, also if a statement is under way. */
  async #takeOrAbort(): Promise<Lease | undefined> {
    const { signals } = this.#request;
    for (const signal of signals) signal.throwIfAborted();
    const taking = this.#take();
    this.#taking = taking;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (event: Event): void => reject((event.target as AbortSignal).reason);
    for (const signal of signals) signal.addEventListener('abort', abort);
    try {
      return await Promise.race([taking, aborted]);
    } finally {
      for (const signal of signals) signal.removeEventListener('abort', abort);
    }
  }

  /** Undefined if it is not this caller's turn, or if the database cannot be reached for the moment. */
  async #take(): Promise<Lease | undefined> {
    const { database, tables } = this.#context;
    const { name, owner, holder, leaseTimeMs, deadline } = this.#request;
    const since = new Stopwatch();
    const left = deadline - performance.now();
    const joins = left > 0;
    const notices = this.#notices;
    const sentAt = performance.now();
    let row: Row | undefined;
    this.#isTaking = true;
    try {
      const values = [this.#key, owner, holder, leaseTimeMs, this.#entry, joins, tables.channel, this.#topic];
      const timeout = Math.round(Math.min(takeTimeoutMs, Math.max(left, minTakeTimeoutMs)));
      [row] = await database.run(takeStatement(tables, timeout), values, { isWrite: true, timeout });
      this.#outSince = undefined;
      this.#outage = undefined;
      this.#mayHold = false;
    } catch (error) {
      this.#endure(error as TokenStoreError);
      return undefined;
    } finally {
      this.#isTaking = false;
    }
    if (isTrue(row?.taken)) {
      const fence = row?.fence ?? '';
      const ids = { name, key: this.#key, topic: this.#topic };
      return new Lease(database, tables, { ...ids, owner, fence, leaseTimeMs, since });
    }
    this.#joined ||= joins;
    this.#missedTurn = false;
    this.#holder = row?.holder ?? undefined;
    const turnAt = this.#turnAt;
    this.#context.watcher.looked(name, row ?? {}, sentAt);
    // A message that came meanwhile is newer than this answer may be.
    if (this.#notices === notices) this.#setTurn(Math.max(Number(row?.due_ms), minRetryMs));
    else this.#turnAt = turnAt;
    return undefined;
  }

  /**
   * A caller that is in the queue does not give up for a restart. Nor does one whose statement may have acquired the lock: the
   * same statement says so if it is run again, and no other process could release it. In a crowd, the row may be locked for a while.
   */
  #endure(error: TokenStoreError): void {
    const now = performance.now();
    const isFirst = this.#outSince === undefined;
    this.#outSince ??= now;
    this.#outage = error;
    this.#mayHold ||= isUnanswered(error);
    const isLocked = error.reason === 'database-locked';
    const isWorthIt = this.#mayHold || isLocked || (this.#joined && error.reason === 'unreachable');
    if (!isWorthIt || now - this.#outSince > (this.#joined ? outageLimitMs : shortOutageLimitMs)) throw error;
    this.#setTurn(isFirst ? 0 : outageRetryMs);
  }

  #hear(notice: Notice): void {
    if (notice.type !== 'written') this.#notices++;
    if (notice.type === 'taken') this.#learnOwner(notice.owner, Number.POSITIVE_INFINITY);
    if (notice.type !== 'free') return;
    const place = notice.queue.indexOf(this.#entry);
    // A caller that is not on the list has missed its turn, and joins the queue again, unless it is far behind.
    this.#missedTurn = place < 0 && notice.queue.length < maxToldEntries;
    if (this.#missedTurn) this.#setTurn(0);
    else this.#setTurn(dueAfterRelease(notice.queue, place < 0 ? notice.queue.length : place));
  }

  #see({ owner, due_ms: dueMs }: Row): void {
    // The answer to the statement that is under way is newer.
    if (!this.#isTaking) this.#learnOwner(owner, Number(dueMs ?? 0));
  }

  /** A statement of this call that arrived late may have acquired the lock: then a repetition of it says so. */
  #learnOwner(owner: string | null | undefined, dueMs: number): void {
    if (owner === this.#request.owner) this.#setTurn(0);
    // As long as an answer is missing, the owner may be this call a moment later. And a caller outside the queue would never get a turn.
    else if (!this.#mayHold && !this.#missedTurn) this.#setTurn(dueMs);
  }

  #setTurn(inMs: number): void {
    this.#turnAt = performance.now() + inMs;
    this.#wake?.();
  }

  async #untilTurn(milliseconds: number): Promise<void> {
    await pause(milliseconds, this.#request.signals, (wake) => {
      this.#wake = wake;
      return () => {
        this.#wake = undefined;
      };
    });
  }

  /** For a caller that has given up: undoes what a statement that is under way may still do. */
  async #withdraw(): Promise<void> {
    const lease = await this.#taking?.catch(() => undefined);
    if (lease) return lease.release();
    const end = performance.now() + this.#request.leaseTimeMs;
    while (!(await this.#leave()) && this.#mayHold && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, outageRetryMs).unref());
    }
  }

  /** Leaves the queue, and learns who holds the lock. False if that failed: those behind pass it over. */
  async #leave(): Promise<boolean> {
    if (!this.#joined && !this.#mayHold) return true;
    const { database, tables } = this.#context;
    const values = [this.#key, this.#entry, this.#request.owner, tables.channel, this.#topic];
    try {
      const [row] = await database.run(leaveStatement(tables), values, { isWrite: true, timeout: endTimeoutMs });
      this.#holder = row?.holder ?? undefined;
      return true;
    } catch (error) {
      if ((error as TokenStoreError).reason === 'unreachable') this.#outage = error as TokenStoreError;
      return false;
    }
  }
}
