import { comparedToken, type Lock, pause, type TokenRecord } from 'token-store-kit';
import { Acceptance } from './acceptance.ts';
import { inTime } from './in-time.ts';
import type { Settings } from './options.ts';
import { applyChanges, type Change, isBefore } from './owed.ts';
import { neverAborted, runExclusively } from './run-exclusively.ts';
import { asStoreErrors, hasCode, lockLostError, mayPass, signInRequired, toStoreError } from './shared-token-error.ts';
import { describeError, type Emit, secretsOf } from './shared-token-event.ts';
import { answered, StoredRecord, silent } from './stored-record.ts';
import { isOlder, isOurs } from './usable-token.ts';

/** A further round is needed only after another process wrote the record without the lock. */
export const maxRounds = 5;

/** The pauses between two attempts to write: each is twice the one before. */
const firstPauseMs = 50;
const longestPauseMs = { withLock: 1_000, later: 5_000 };

/**
 * How long a lock holder tries to write, counted from the first attempt: a failure that may pass soon, and any other one. Even a full disk
 * had room for the test write just before, and may have it again when the next holder tries.
 */
const lockedLimitMs = { passing: 10_000, other: 1_000 };

/** How long a later attempt waits for the record's lock. */
const laterLockTimeoutMs = 5_000;

/** How long the last attempt, in close(), waits for the lock. Then it writes without the lock: a stale lease must not cost the sign-in. */
const lastLockTimeoutMs = 2_000;

/** What `put` has to know about a sign-in. */
export interface Circumstances {
  /** The count of sign-outs when the sign-in began. */
  readonly signOuts: number;
  /** The newest record when the sign-in began, of any client. */
  readonly before: TokenRecord | undefined;
  /** Whether the callers have given up, or the sign-in lock was lost. Then, or if the record's lock was lost, a newer record wins. */
  readonly isLate: () => boolean;
}

/**
 * Reads, advances and deletes the record of one name without losing a sign-in. Every step of the flow uses it.
 *
 * Owed changes are pending writes: the store failed to make them. They count as newer than the stored record if that is one that they
 * replace or write, or of an earlier sign-in. A write is first retried with the lock held, because the next lock holder would spend the
 * refresh token that the write replaces. After that, a timer, the next refresh and close() retry the write.
 */
export class RecordKeeper {
  readonly settings: Settings;
  readonly emit: Emit;
  readonly stored: StoredRecord;
  /** Decides which records this instance uses. */
  readonly acceptance: Acceptance;
  /**
   * Runs a function of the user outside of our async context. Otherwise, if the function called `exclusively`, the store would
   * refuse that as a nested call of our own task.
   */
  readonly callUserCode: <T>(call: () => T) => T;
  readonly #closing = new AbortController();
  /** The pending changes, oldest first. The array is replaced, never modified, so that a read notices a change of it. */
  #owed: readonly Change[] = [];
  /** What the last read found. */
  #seen: TokenRecord | undefined;
  /** Settles when each change is written or pending, and tokens that came after a sign-out are revoked. */
  #finished: Promise<void> = Promise.resolve();
  /** Settles when no write is under way. */
  #written: Promise<void> = Promise.resolve();
  /** Settles when no attempt to write the pending changes is under way. */
  #paid: Promise<void> = Promise.resolve();
  /** Settles when no sign-out is under way. */
  #deleted: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  /** Counts sign-outs: work that began before one stores nothing. */
  signOuts = 0;

  constructor(settings: Settings, emit: Emit, callUserCode: <T>(call: () => T) => T) {
    this.settings = settings;
    this.stored = new StoredRecord(settings);
    this.acceptance = new Acceptance(settings.accepts);
    this.emit = emit;
    this.callUserCode = callUserCode;
  }

  /** The newest record, if it is of this client and authority. Throws STORE. */
  async read(): Promise<TokenRecord | undefined> {
    return this.ours(await this.readAny());
  }

  /** The newest record, of any client and authority. Throws STORE. */
  async readAny(): Promise<TokenRecord | undefined> {
    return asStoreErrors(async () => {
      // A sign-out under way is about to delete the stored record.
      await answered(this.#deleted);
      return (await this.#look()).newest;
    });
  }

  /** The record, if it is of this client and authority. */
  ours(record: TokenRecord | undefined): TokenRecord | undefined {
    return record && isOurs(record, this.settings) ? record : undefined;
  }

  /**
   * Writes the record back as it is, before its refresh token is spent: a full disk or a read-only file must not cost the
   * sign-in. False if the record has to be read again. Throws STORE.
   */
  async ensureWritable(record: TokenRecord, lock: Lock): Promise<boolean> {
    return asStoreErrors(async () => {
      // A sign-in may become pending meanwhile, which the store cannot take.
      if (this.#owed.length === 0)
        return (await answered(this.stored.replace(record, record))) && this.#owed.length === 0;
      await this.#pay(undefined, lock);
      return false;
    });
  }

  /**
   * Writes the change, with retries. A change that still fails becomes pending, and counts as done. False if a newer record is known, or
   * if a sign-out came since the work for the change began. `signOuts`: the count of sign-outs at that time.
   */
  advance(change: Change, lock: Lock | undefined, signOuts: number): Promise<boolean> {
    return this.beforeClose(this.#advance(change, lock, signOuts));
  }

  /** Marks the record as refused by the provider, unless it has a mark. Best effort: a failure of the store is ignored. */
  async markRefused(record: TokenRecord, because: string): Promise<void> {
    if (record.refusedAt !== undefined) return;
    const refused = { ...record, refusedAt: Date.now(), refusedBecause: String(because).toWellFormed() };
    await answered(this.stored.replace(record, refused)).catch(() => {});
  }

  /**
   * Stores a new sign-in in place of any stored record. False if a newer record is known, or if the sign-in is late and may be older.
   * Throws SIGN_IN_REQUIRED if a sign-out came since the sign-in began.
   */
  async put(record: TokenRecord, { signOuts, before, isLate }: Circumstances): Promise<boolean> {
    const save = async (lock: Lock): Promise<boolean> => {
      for (let round = 0; ; round++) {
        // An earlier round has read the record again, perhaps as gone, although this read fails.
        const newest = await this.readAny().catch(() => applyChanges(round ? this.#seen : before, this.#owed));
        if ((before && !newest) || signOuts !== this.signOuts) throw signInRequired('signed-out', this.settings);
        // An earlier round stored the sign-in, although the store reported a failure. A refresh of it must stay, whatever its clock said.
        if (round > 0 && newest?.signedInAt === record.signedInAt) return true;
        // Checked even if `isLate` is false, because this process may not know yet that its lock was lost.
        if (newest && isOlder(record, newest)) return false;
        if ((isLate() || lock.signal.aborted) && !isBefore(newest, { before, record })) return false;
        if (round === maxRounds) break;
        if (await this.advance({ before: newest, record }, lock, signOuts)) return true;
      }
      // The record keeps changing. Or the stored value is not a valid record, so that no compare-and-swap succeeds.
      await asStoreErrors(() => this.#write(this.stored.set(record)));
      return true;
    };
    // With the lock, a refresh under way ends first. A refresh that hangs must not cost the sign-in, and cannot overwrite it.
    return this.#underLock(save, { timeout: this.settings.refreshTimeout, isNeeded: false });
  }

  /**
   * Deletes the record once no write is under way. Earlier work writes nothing after that, and reads wait for the deletion. Resolves with
   * the record for `revoke`, if any. Throws STORE, also if a write has no answer: that write may still take effect after the deletion.
   */
  forget(): Promise<TokenRecord | undefined> {
    this.signOuts++;
    this.acceptance.forget();
    const owed = this.#owed;
    this.#owed = [];
    const forgotten = this.#delete(owed);
    this.#deleted = ended(this.#deleted, forgotten);
    return forgotten;
  }

  /** Retries the pending changes. Reports no failure: the first failure was reported already. */
  payAgain(): Promise<void> {
    // One after the other: while the outcome of a write is unknown, a second attempt could undo a sign-out.
    this.#paid = this.#paid.then(() => this.#payAll());
    return this.#paid;
  }

  async #payAll(): Promise<void> {
    // Another process may write just before an attempt, and its record may be older than the pending changes.
    for (let round = 0; this.#owed.length > 0 && round < maxRounds; round++)
      if (await this.#pay().catch(() => true)) return;
  }

  /** Lets close() wait for this work. */
  beforeClose<T>(work: Promise<T>): Promise<T> {
    this.#finished = ended(this.#finished, work);
    return work;
  }

  /** Retries the pending changes a last time. After that, no retry begins. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    // At the same time, because a `revoke` that hangs must not cost a pending sign-in.
    await Promise.all([this.#finished, this.payAgain()]);
    await this.payAgain();
  }

  async #delete(owed: readonly Change[]): Promise<TokenRecord | undefined> {
    const { revoke } = this.settings;
    const written = answered(this.#written);
    await written.catch(() => {});
    // A store that fails to read may still be able to delete.
    const stored = revoke && (await this.stored.get().catch(() => undefined));
    await asStoreErrors(() => this.stored.delete());
    // A write that still has no answer may take effect after the deletion: this throws then.
    await written;
    return revoke && this.ours(applyChanges(stored, owed));
  }

  /** The stored record, and the newest one: of a pending change, unless another process has stored a newer record or signed out. */
  async #look(): Promise<{ stored: TokenRecord | undefined; newest: TokenRecord | undefined }> {
    const owedBefore = this.#owed;
    const stored = await this.stored.get();
    this.#seen = stored;
    // During the read, a change became pending or a pending one was stored: the answer may be older.
    if (owedBefore !== this.#owed) return this.#look();
    const newest = applyChanges(stored, this.#owed);
    if (newest !== stored) return { stored, newest };
    const last = this.#owed.at(-1);
    if (last) this.#owed = [];
    // The store had written the change, although it reported a failure.
    if (last && last.record.accessToken === stored?.accessToken) this.emit({ type: 'store-recovered' });
    return { stored, newest };
  }

  /**
   * One attempt to write the pending changes and then `change`. True if they are stored now. False if nothing is left to write, or if a
   * newer record is known. Without `lock`, acquires the lock if compare-and-swap is not enough. `wasRead`: whether `change.before` was
   * read with the lock held.
   */
  async #pay(change?: Change, lock?: Lock, isOver = () => false, wasRead = lock !== undefined): Promise<boolean> {
    if (isOver()) return false;
    const isAlone = this.#owed.length === 0 && (wasRead || isSwapEnough(change?.before, change?.record));
    // The usual case ends here.
    if (isAlone && change && (await this.#replace(change.before, change.record))) return true;
    const { stored, newest } = await this.#look();
    const owed = this.#owed;
    if (isOver() || (change && !isBefore(newest, change))) return false;
    const record = applyChanges(stored, change ? [...owed, change] : owed);
    if (!record || record === stored) return false;
    if (!lock && !isSwapEnough(stored, record)) {
      const { signal } = this.#closing;
      const turn = signal.aborted
        ? { timeout: lastLockTimeoutMs, isNeeded: false }
        : { timeout: laterLockTimeoutMs, isNeeded: true, signal };
      return this.callUserCode(() => this.#underLock((held) => this.#pay(change, held, isOver, false), turn));
    }
    const isDone = await this.#replace(stored, record);
    // The store refuses the writes of a task that lost its lock.
    if (!isDone && lock?.signal.aborted) throw lockLostError(lock);
    if (!isDone) return false;
    if (owed.length > 0 && owed === this.#owed) {
      this.#owed = [];
      this.emit({ type: 'store-recovered' });
    }
    return true;
  }

  /** Runs `work` with the record's lock. If the lock cannot be acquired and `isNeeded` is false, runs it without the lock. */
  async #underLock<T>(
    work: (lock: Lock) => Promise<T>,
    { isNeeded, ...turn }: { timeout: number; signal?: AbortSignal; isNeeded: boolean },
  ): Promise<T> {
    const { store, name } = this.settings;
    try {
      return await runExclusively(store, { name, ...turn }, work);
    } catch (error) {
      if (isNeeded || !hasCode(error, 'STORE')) throw error;
      return work({ signal: neverAborted });
    }
  }

  /** By compare-and-swap, so that the write cannot undo a sign-out. */
  #replace(before: TokenRecord | undefined, record: TokenRecord): Promise<boolean> {
    return this.#write(this.stored.replace(before, record));
  }

  #write<T>(writing: Promise<T>): Promise<T> {
    this.#written = ended(this.#written, writing);
    return answered(writing);
  }

  async #advance(change: Change, lock: Lock | undefined, signOuts: number): Promise<boolean> {
    const signals = [lock?.signal ?? neverAborted, this.#closing.signal];
    const startedAt = performance.now();
    let isOwed = false;
    // An attempt that was given up must not write later: since then, a retry may have written, and another process may have signed out.
    const isOver = (): boolean => isOwed || signOuts !== this.signOuts;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs.withLock)) {
      const isLast = signals.some(({ aborted }) => aborted);
      try {
        const paid = this.#pay(change, lock, isOver);
        // The effect of a late answer shows when the record is read again.
        return await inTime(startedAt + lockedLimitMs.passing - performance.now(), paid, silent);
      } catch (error) {
        if (isOver()) return false;
        const limitMs = mayPass(error) ? lockedLimitMs.passing : lockedLimitMs.other;
        if (isLast || performance.now() - startedAt >= limitMs) {
          isOwed = true;
          this.#owe(change, error);
          return true;
        }
      }
      await pause(pauseMs, signals).catch(() => {});
    }
  }

  #owe(change: Change, reason: unknown): void {
    this.#owed = [...this.#owed, change];
    this.#setTimer(firstPauseMs);
    const error = toStoreError(reason);
    const told = describeError(error, [...secretsOf(change.before), ...secretsOf(change.record)]);
    this.emit({ type: 'store-failed', error: told }, error);
  }

  /** The timer does not keep the process alive. */
  #setTimer(pauseMs: number): void {
    clearTimeout(this.#timer);
    if (this.#closing.signal.aborted) return;
    const again = async (): Promise<void> => {
      await this.beforeClose(this.payAgain());
      if (this.#owed.length > 0) this.#setTimer(Math.min(2 * pauseMs, longestPauseMs.later));
    };
    // A store counts a timer that a task has started as part of that task, and refuses its writes if the task has lost its lock.
    this.#timer = this.callUserCode(() => setTimeout(again, pauseMs).unref());
  }
}

/** Drops the results, so that an endless chain of these promises does not collect them. */
async function ended(...work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
}

/**
 * Whether compare-and-swap alone, without the lock, protects the write. Not if no record is replaced: the write may reach the database
 * late, after a sign-out. Not if the refresh token stays the same: compare-and-swap does not notice a refresh by another process.
 */
function isSwapEnough(before: TokenRecord | undefined, record: TokenRecord | undefined): boolean {
  return before !== undefined && comparedToken(before) !== comparedToken(record);
}
