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

/** Each further round means that a process wrote the record without the lock. */
export const maxRounds = 5;

/** The pauses between two tries to write: each is twice the one before. */
const firstPauseMs = 50;
const longestPauseMs = { withLock: 1_000, later: 5_000 };

/** How long a write is tried with the lock held, from the first try on. */
const lockedLimitMs = 10_000;

/** How long a later try waits for the record's lock. */
const laterLockTimeoutMs = 5_000;

/** How long the last try does. Then a record is written without it: a lease that could not be released would cost the sign-in. */
const lastLockTimeoutMs = 2_000;

/** What a sign-in has to know when it is stored. */
export interface Circumstances {
  /** How many sign-outs there had been when it began. */
  readonly signOuts: number;
  /** The newest record when it began, of whichever client. */
  readonly before: TokenRecord | undefined;
  /** Whether its callers have given up, or its lock was lost. Then, or if the record's was, what was stored since counts if it is newer. */
  readonly isLate: () => boolean;
}

/**
 * Reads, advances and deletes the one record of a name without losing a sign-in. What every step of the flow works with.
 *
 * What the store owes is a list of changes that it could not make. They are newer than what is stored, unless that is neither what
 * they replace nor what they bring, nor of an earlier sign-in. How a write is tried again: while the lock is held if the failure may
 * pass soon, because the next holder would spend the refresh token that it replaces; then by a timer, before the next refresh, and by
 * close().
 */
export class RecordKeeper {
  readonly settings: Settings;
  readonly emit: Emit;
  readonly stored: StoredRecord;
  /** Which records count. */
  readonly acceptance: Acceptance;
  /**
   * Runs a function of the user's outside of our async context. Otherwise `exclusively` would take a call of that function
   * for a call from our own task, and refuse it.
   */
  readonly callUserCode: <T>(call: () => T) => T;
  readonly #closing = new AbortController();
  /** Replaced, never changed: a read remembers what was owed when it began. */
  #owed: readonly Change[] = [];
  /** Settles when all that was to be written has been, or is owed, and what came after a sign-out is revoked. */
  #finished: Promise<void> = Promise.resolve();
  /** Settles when no write is under way. */
  #written: Promise<void> = Promise.resolve();
  /** Settles when no try to do what is owed is under way. */
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

  /** The newest record, of whichever client and authority. Throws STORE. */
  async readAny(): Promise<TokenRecord | undefined> {
    return asStoreErrors(async () => {
      // What is stored until then is about to be deleted.
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
      if (this.#owed.length === 0) return answered(this.stored.replace(record, record));
      await this.#pay(undefined, lock);
      return false;
    });
  }

  /**
   * Makes the change, by several tries if the failure may pass soon. What the store cannot do is owed, and counts as done. False if
   * a newer record is known, or a sign-out came since the work for it began: `signOuts` is how many there had been then.
   */
  advance(change: Change, lock: Lock | undefined, signOuts: number): Promise<boolean> {
    return this.beforeClose(this.#advance(change, lock, signOuts));
  }

  /** Notes in the record that the provider refused its refresh token for the first time. A store that fails changes nothing. */
  async markRefused(record: TokenRecord, because: string): Promise<void> {
    if (record.refusedAt !== undefined) return;
    const refused = { ...record, refusedAt: Date.now(), refusedBecause: String(because).toWellFormed() };
    await answered(this.stored.replace(record, refused)).catch(() => {});
  }

  /**
   * Stores a new sign-in, in the place of whatever is stored. False if a newer one is known, or if it is late and may be older.
   * Throws SIGN_IN_REQUIRED if a sign-out came since the sign-in began.
   */
  async put(record: TokenRecord, { signOuts, before, isLate }: Circumstances): Promise<boolean> {
    const save = async (lock: Lock): Promise<boolean> => {
      for (let round = 0; ; round++) {
        const newest = await this.readAny().catch(() => applyChanges(before, this.#owed));
        if ((before && !newest) || signOuts !== this.signOuts) throw signInRequired('signed-out', this.settings);
        // The store had done it, although it said that it failed. What has become of it since must stay.
        if (round > 0 && newest && newest.signedInAt === record.signedInAt && !isOlder(newest, record)) return true;
        // Also if this process does not know yet that its lock was lost.
        if (newest && isOlder(record, newest)) return false;
        if ((isLate() || lock.signal.aborted) && !isBefore(newest, { before, record })) return false;
        if (round === maxRounds) break;
        const isSaved = await this.advance({ before: newest, record }, lock, signOuts);
        if (isSaved && signOuts === this.signOuts) return true;
      }
      // The record keeps changing, or the store has one that is none.
      await asStoreErrors(() => this.#write(this.stored.set(record)));
      return true;
    };
    // A refresh that is under way ends first. One that hangs must not cost the sign-in, and cannot overwrite it.
    return this.#underLock(save, { timeout: this.settings.refreshTimeout, isNeeded: false });
  }

  /**
   * Deletes the record, when no write is under way. Nothing of before is written after that, and what is read meanwhile waits for it.
   * Resolves with what `revoke` is to be given, if any. Throws STORE, also if a write has no answer, and so may come after that.
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

  /**
   * Tries again to do what is owed. A failure was reported when it first came. Another process may write just before: what it wrote may be
   * older than what is owed.
   */
  payAgain(): Promise<void> {
    // One after the other: as long as it is not known what became of a write, another try may undo a sign-out.
    this.#paid = this.#paid.then(() => this.#payAll());
    return this.#paid;
  }

  async #payAll(): Promise<void> {
    for (let round = 0; this.#owed.length > 0 && round < maxRounds; round++)
      if (await this.#pay().catch(() => true)) return;
  }

  /** Lets close() wait for this work. */
  beforeClose<T>(work: Promise<T>): Promise<T> {
    this.#finished = ended(this.#finished, work);
    return work;
  }

  /** Tries once more to do what is owed, and starts no more tries. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    // A `revoke` that hangs must not cost a sign-in.
    await Promise.all([this.#finished, this.payAgain()]);
    await this.payAgain();
  }

  async #delete(owed: readonly Change[]): Promise<TokenRecord | undefined> {
    const { revoke } = this.settings;
    const written = answered(this.#written);
    await written.catch(() => {});
    // A store that cannot be read may still delete.
    const stored = revoke && (await this.stored.get().catch(() => undefined));
    await asStoreErrors(() => this.stored.delete());
    // A write that has still no answer may come after that.
    await written;
    return revoke && this.ours(applyChanges(stored, owed));
  }

  /** What is stored, and what is newest: that, or what the store owes, unless another process has stored a newer one, or signed out. */
  async #look(): Promise<{ stored: TokenRecord | undefined; newest: TokenRecord | undefined }> {
    const owedBefore = this.#owed;
    const stored = await this.stored.get();
    // Asked before that was owed, or before the store got it: the answer may be older.
    if (owedBefore !== this.#owed) return this.#look();
    const newest = applyChanges(stored, this.#owed);
    if (newest !== stored) return { stored, newest };
    const last = this.#owed.at(-1);
    if (last) this.#owed = [];
    // The store had done it, although it said that it failed.
    if (last && last.record.accessToken === stored?.accessToken) this.emit({ type: 'store-recovered' });
    return { stored, newest };
  }

  /**
   * One try to do what is owed, and then `change`. True if the store has it now; false if nothing is left to do, or something
   * newer is known. Without `lock`, acquires the lock if compare-and-swap is not enough. `wasRead`: what the change replaces was read with
   * the lock held.
   */
  async #pay(change?: Change, lock?: Lock, isOver = () => false, wasRead = lock !== undefined): Promise<boolean> {
    if (isOver()) return false;
    const isAlone = this.#owed.length === 0 && (wasRead || isSwapEnough(change?.before, change?.record));
    // As a rule this is all.
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
    // The store refuses the writes of a lock that was lost.
    if (!isDone && lock?.signal.aborted) throw lockLostError(lock);
    if (!isDone) return false;
    if (owed.length > 0 && owed === this.#owed) {
      this.#owed = [];
      this.emit({ type: 'store-recovered' });
    }
    return true;
  }

  /** If the lock is not needed, also without it, when it cannot be acquired. */
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

  /** By compare-and-swap, so that a sign-out is not missed. */
  #replace(before: TokenRecord | undefined, record: TokenRecord): Promise<boolean> {
    return this.#write(this.stored.replace(before, record));
  }

  #write<T>(writing: Promise<T>): Promise<T> {
    this.#written = ended(this.#written, writing);
    return answered(writing);
  }

  async #advance(change: Change, lock: Lock | undefined, signOuts: number): Promise<boolean> {
    const signals = [lock?.signal ?? neverAborted, this.#closing.signal];
    const end = performance.now() + lockedLimitMs;
    let isOwed = false;
    // A try that was given up must not write after another one that has, and a sign-out of another process.
    const isOver = (): boolean => isOwed || signOuts !== this.signOuts;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs.withLock)) {
      const isLast = signals.some(({ aborted }) => aborted);
      try {
        const paid = this.#pay(change, lock, isOver);
        // What a store does that answers later is noticed when it is read again.
        return await inTime(end - performance.now(), paid, silent);
      } catch (error) {
        if (isOver()) return false;
        if (isLast || !mayPass(error) || performance.now() >= end) {
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

  /** Does not keep the process alive. */
  #setTimer(pauseMs: number): void {
    clearTimeout(this.#timer);
    if (this.#closing.signal.aborted) return;
    const again = async (): Promise<void> => {
      await this.beforeClose(this.payAgain());
      if (this.#owed.length > 0) this.#setTimer(Math.min(2 * pauseMs, longestPauseMs.later));
    };
    // A store takes what a task started for its part, and refuses the writes of a task whose lock was lost.
    this.#timer = this.callUserCode(() => setTimeout(again, pauseMs).unref());
  }
}

/** Keeps no results, so that one of the other can follow for ever. */
async function ended(...work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
}

/**
 * Whether compare-and-swap alone shows that the change still counts. A new record in the place of none may arrive at the database
 * late, after a sign-out; and if the provider keeps its refresh tokens, another process may have refreshed.
 */
function isSwapEnough(before: TokenRecord | undefined, record: TokenRecord | undefined): boolean {
  return before !== undefined && comparedToken(before) !== comparedToken(record);
}
