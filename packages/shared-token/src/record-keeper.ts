import type { Lock, TokenRecord } from 'token-store-kit';
import { LateWrites, type Unsaved } from './late-writes.ts';
import type { Settings } from './options.ts';
import { readStoredRecord } from './read-stored-record.ts';
import { type LockRequest, neverAborted, runExclusively } from './run-exclusively.ts';
import { asStoreErrors, SharedTokenError, signedOutError } from './shared-token-error.ts';
import type { Emit } from './shared-token-event.ts';
import { isOurs } from './usable-token.ts';
import { writeWhileLocked } from './write-while-locked.ts';

/** Stands in for the access token that a record will get, so that the test write needs as much space. */
const padding = 'x'.repeat(2048);

/** What a sign-in has to know when it is stored. */
export interface Circumstances {
  /** How many sign-outs there had been when it began. */
  readonly signOuts: number;
  /** What was stored when it began, of whichever client. */
  readonly before: TokenRecord | undefined;
  /** Whether its callers have given up, or its lock was lost. Then it counts only if no other sign-in was stored since. */
  readonly isLate: () => boolean;
}

/** Each further round means that a process wrote the record without the lock. */
const maxRounds = 5;

/** Reads, advances and deletes the one record of a name without losing a sign-in. */
export class RecordKeeper {
  readonly #settings: Settings;
  readonly #late: LateWrites;
  readonly #closing = new AbortController();
  /** First writes that are under way. */
  readonly #writing = new Set<Promise<unknown>>();
  /** Counts sign-outs: work that began before one stores nothing. */
  signOuts = 0;

  /** `runDetached` runs a function outside of the async context of the store's tasks. */
  constructor(settings: Settings, emit: Emit, runDetached: <T>(call: () => T) => T) {
    this.#settings = settings;
    this.#late = new LateWrites(settings, emit, runDetached);
  }

  get hasUnsaved(): boolean {
    return !this.#late.isEmpty;
  }

  /** The newest record, if it is of this client and authority. Throws STORE. */
  async read(): Promise<TokenRecord | undefined> {
    return this.ours(await this.readAny());
  }

  /** The newest record, of whichever client and authority. Throws STORE. */
  async readAny(): Promise<TokenRecord | undefined> {
    const { store, name } = this.#settings;
    return this.#late.newest(readStoredRecord(await asStoreErrors(() => store.get(name))));
  }

  /** The record, if it is of this client and authority. */
  ours(record: TokenRecord | undefined): TokenRecord | undefined {
    return record && isOurs(record, this.#settings) ? record : undefined;
  }

  /**
   * Writes the record back as it is, before its refresh token is spent: a full disk or a read-only file must not cost the
   * sign-in. False if another record is stored by now. Throws STORE.
   */
  async ensureWritable(record: TokenRecord): Promise<boolean> {
    const { store, name } = this.#settings;
    return asStoreErrors(async () => {
      if (this.#late.unsaved) return this.#late.writeKept(this.#late.unsaved);
      if (record.accessToken === undefined) {
        const padded = { ...record, accessToken: padding, expiresAt: 0 };
        if (!(await store.replace(name, record.refreshToken, padded))) return false;
      }
      return store.replace(name, record.refreshToken, record);
    });
  }

  /**
   * Replaces the record whose refresh token is `replaces`. False if another one is stored by now.
   * If the store fails, it is written again while the lock is held. If that does not help, or the lock was lost, the record
   * is kept here until it can be written.
   */
  async advance(replaces: string, record: TokenRecord, lock?: Lock): Promise<boolean> {
    const unsaved = { record, replaces };
    const { signOuts } = this;
    const write = (): Promise<boolean> => (lock ? this.#late.write(unsaved) : this.#late.writeInTurn(unsaved));
    if (await this.#save(write, async () => unsaved, { lock, signOuts })) return true;
    if (!lock?.signal.aborted) return false;
    // The store refuses the writes of a lock that was lost. Unless the next holder stored another token, ours is the newest.
    const isStillStored = await this.readAny().then(
      (stored) => stored?.refreshToken === replaces,
      () => true,
    );
    if (!isStillStored || signOuts !== this.signOuts) return false;
    this.#late.keep(unsaved, lock.signal.reason);
    return true;
  }

  /** Notes in the record that the provider refused its refresh token for the first time. A store that fails changes nothing. */
  async markRefused(record: TokenRecord, because: string): Promise<void> {
    if (record.refusedAt !== undefined) return;
    const refused = { ...record, refusedAt: Date.now(), refusedBecause: because };
    await asStoreErrors(() => this.#settings.store.replace(this.#settings.name, record.refreshToken, refused)).catch(
      () => {},
    );
  }

  /**
   * Stores a new sign-in. A store that fails is reported by an event, and the write is tried again. False if the sign-in is
   * late, and a newer one is stored. Throws SIGN_IN_REQUIRED if a sign-out came since the sign-in began.
   */
  async put(record: TokenRecord, circumstances: Circumstances): Promise<boolean> {
    const { store, name, refreshTimeout } = this.#settings;
    const { signOuts, before, isLate } = circumstances;
    // Written again later, it must not take the place of a sign-in that another process has made since.
    const asUnsaved = async (): Promise<Unsaved | undefined> => {
      const { unsaved } = this.#late;
      const read = await asStoreErrors(() => store.get(name)).then(
        (value) => ({ value }),
        () => undefined,
      );
      // What was known when the sign-in began may be a record that is only here.
      if (!read) return { record, replaces: unsaved ? unsaved.replaces : before?.refreshToken };
      const stored = readStoredRecord(read.value);
      if (before && !stored) throw signedOutError();
      if (isLate() && stored?.refreshToken !== before?.refreshToken) return undefined;
      return { record, replaces: stored?.refreshToken };
    };
    let isTried = false;
    const write = (): Promise<boolean> => {
      isTried = true;
      return this.#replaceAny(record, circumstances);
    };
    const save = async (lock?: Lock): Promise<boolean> => {
      const saved = await this.#save(write, asUnsaved, { lock, signOuts }).catch((error: unknown) => {
        if (signOuts === this.signOuts) throw error;
        return false;
      });
      if (signOuts === this.signOuts) return saved;
      // The sign-out came while the record was written, and may have deleted before that.
      if (isTried) await this.#takeBack(record, lock);
      throw signedOutError();
    };
    try {
      // A refresh that is under way ends first. One that hangs must not cost the sign-in, and cannot overwrite it.
      return await this.exclusively(name, save, { timeout: refreshTimeout });
    } catch (error) {
      if (!(error instanceof SharedTokenError) || error.code !== 'STORE') throw error;
      return save();
    }
  }

  /** Tries once more to write what could not be written. Never rejects. */
  saveAgain(): Promise<void> {
    return this.#late.tryAgain();
  }

  /** Throws STORE. */
  async forget(): Promise<void> {
    this.signOuts++;
    this.#late.forget();
    await asStoreErrors(() => this.#settings.store.delete(this.#settings.name));
  }

  /**
   * Runs `task` while no other caller or process runs one of that name. The signal ends the wait, not the task.
   * Throws STORE if the lock cannot be acquired; what the task throws passes through.
   */
  exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options: Omit<LockRequest, 'name'>): Promise<T> {
    return runExclusively(this.#settings.store, { name, ...options }, task);
  }

  /** Tries once more to write what could not be written, and starts no more tries. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#late.stopTimer();
    await Promise.all(this.#writing);
    await this.#late.close();
  }

  /**
   * Puts a new sign-in in the place of whatever is stored, by compare-and-swap, so that a sign-out is not missed. False if
   * it does not count any more.
   */
  async #replaceAny(record: TokenRecord, circumstances: Circumstances): Promise<boolean> {
    const { signOuts, before, isLate } = circumstances;
    const { store, name } = this.#settings;
    for (let round = 0; round < maxRounds; round++) {
      const stored = readStoredRecord(await store.get(name));
      if ((before && !stored) || signOuts !== this.signOuts) throw signedOutError();
      if (isLate() && stored?.refreshToken !== before?.refreshToken) return false;
      if (await store.replace(name, stored?.refreshToken, record)) {
        this.#late.drop();
        return true;
      }
    }
    // The record keeps changing, or the store has one that is none.
    await store.set(name, record);
    this.#late.drop();
    return true;
  }

  /** Deletes a sign-in that a sign-out has ended. Tries as often as a write is tried, then later. Never rejects. */
  #takeBack(record: TokenRecord, lock: Lock | undefined): Promise<void> {
    const takeBack = (): Promise<void> => asStoreErrors(() => this.#late.takeBack(record.refreshToken));
    return this.#beforeClose(() =>
      writeWhileLocked(takeBack, this.#stopSignals(lock)).catch((error) => this.#late.takeBackLater(record, error)),
    );
  }

  /**
   * Writes, several times if the failure may pass soon. If it fails, the record is kept here, which counts as saved. False
   * if another record is stored by now, or if a sign-out came since the work for it began: `signOuts` is how many there
   * had been then.
   */
  #save(
    write: () => Promise<boolean>,
    asUnsaved: () => Promise<Unsaved | undefined>,
    { lock, signOuts }: { lock: Lock | undefined; signOuts: number },
  ): Promise<boolean> {
    const writeUnlessSignedOut = async (): Promise<boolean> => signOuts === this.signOuts && asStoreErrors(write);
    return this.#beforeClose(async () => {
      try {
        return await writeWhileLocked(writeUnlessSignedOut, this.#stopSignals(lock));
      } catch (error) {
        if (error instanceof SharedTokenError && error.code === 'SIGN_IN_REQUIRED') throw error;
        const unsaved = await asUnsaved();
        if (!unsaved || signOuts !== this.signOuts) return false;
        this.#late.keep(unsaved, error);
        return true;
      }
    });
  }

  #stopSignals(lock: Lock | undefined): AbortSignal[] {
    return [lock?.signal ?? neverAborted, this.#closing.signal];
  }

  /** close() waits for the end of this work. */
  async #beforeClose<T>(work: () => Promise<T>): Promise<T> {
    const ended = Promise.withResolvers<void>();
    this.#writing.add(ended.promise);
    try {
      return await work();
    } finally {
      ended.resolve();
      this.#writing.delete(ended.promise);
    }
  }
}
