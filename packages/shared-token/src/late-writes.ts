import type { Lock, TokenRecord } from 'token-store-kit';
import type { Settings } from './options.ts';
import { readStoredRecord } from './read-stored-record.ts';
import { runExclusively } from './run-exclusively.ts';
import { SaveTimer } from './save-timer.ts';
import { asStoreErrors, toStoreError } from './shared-token-error.ts';
import { describeError, type Emit } from './shared-token-event.ts';

/** After a write that took longer than this to fail, the next try waits for as long as it took. */
const slowWriteMs = 100;

/** How long a late write waits for the record's lock. If that is not enough, the next try waits again. */
const lateLockTimeoutMs = 5_000;

/** A record that the store could not take. */
export interface Unsaved {
  readonly record: TokenRecord;
  /** The refresh token that it takes the place of; undefined if none was stored. */
  readonly replaces: string | undefined;
}

/**
 * What the store could not do when it was asked: to write the newest record, or to delete a sign-in that a sign-out has
 * ended. It is kept in memory, and tried again by a timer, by the next calls and by close().
 */
export class LateWrites {
  readonly #settings: Settings;
  readonly #emit: Emit;
  readonly #runDetached: <T>(call: () => T) => T;
  readonly #timer: SaveTimer;
  #unsaved: Unsaved | undefined;
  /** The refresh token of a sign-in that must not stay stored. */
  #unwanted: string | undefined;
  #saving: Promise<void> | undefined;
  #signOuts = 0;
  /** By the monotonic clock. */
  #notBefore = 0;

  /** `runDetached` runs a function outside of the async context of the store's tasks. */
  constructor(settings: Settings, emit: Emit, runDetached: <T>(call: () => T) => T) {
    this.#settings = settings;
    this.#emit = emit;
    this.#runDetached = runDetached;
    this.#timer = new SaveTimer(() => this.tryAgain().then(() => !this.isEmpty), runDetached);
  }

  get isEmpty(): boolean {
    return this.#unsaved === undefined && this.#unwanted === undefined;
  }

  /** The record that the store could not take. */
  get unsaved(): Unsaved | undefined {
    return this.#unsaved;
  }

  /** The newest record: the one that could not be stored, unless another process has stored a newer one, or signed out. */
  newest(stored: TokenRecord | undefined): TokenRecord | undefined {
    const unsaved = this.#unsaved;
    const counting = stored?.refreshToken === this.#unwanted ? undefined : stored;
    if (!unsaved) return counting;
    if (!isSuperseded(unsaved, stored) || !isSuperseded(unsaved, counting)) return unsaved.record;
    this.#unsaved = undefined;
    return counting;
  }

  /** Keeps a record that the store could not take, and reports it by an event. */
  keep(unsaved: Unsaved, reason: unknown): void {
    this.#unsaved = unsaved;
    this.#report(reason, [...secretsOf(unsaved.record), unsaved.replaces]);
  }

  /** Keeps in mind that the sign-in has to be deleted, and reports by an event that the store could not do it. */
  takeBackLater(record: TokenRecord, reason: unknown): void {
    this.#unwanted = record.refreshToken;
    this.#report(reason, secretsOf(record));
  }

  /** Nothing has to be written any more: a newer sign-in is stored. */
  drop(): void {
    this.#unsaved = undefined;
  }

  /** Nothing has to be written any more: a sign-out has begun. */
  forget(): void {
    this.#signOuts++;
    this.drop();
  }

  /** False if another record is stored by now; then this one is of no use any more. */
  async write({ record, replaces }: Unsaved): Promise<boolean> {
    const { store, name } = this.#settings;
    const before = this.#unsaved;
    const written = await store.replace(name, replaces, record);
    // Another record may have become unsaved while this one was written.
    if (this.#unsaved === before) this.#unsaved = undefined;
    return written;
  }

  /**
   * As write(), of a record that was not written while its lock was held. Call it while the lock is held again. If the
   * provider keeps its refresh tokens, then compare-and-swap does not see that another process has refreshed since.
   */
  async writeIfNewest(unsaved: Unsaved): Promise<boolean> {
    const { store, name } = this.#settings;
    if (unsaved.record.refreshToken === unsaved.replaces) {
      if (isSuperseded(unsaved, readStoredRecord(await store.get(name)))) {
        if (this.#unsaved === unsaved) this.#unsaved = undefined;
        return false;
      }
    }
    return this.write(unsaved);
  }

  /**
   * As writeIfNewest(), of the record that is kept here. If a sign-out came before, it is not written; if one comes meanwhile,
   * it is taken back.
   */
  async writeKept(unsaved: Unsaved): Promise<boolean> {
    const signOuts = this.#signOuts;
    if (this.#unsaved !== unsaved) return false;
    try {
      return (await this.writeIfNewest(unsaved)) && signOuts === this.#signOuts;
    } finally {
      const { record } = unsaved;
      if (signOuts !== this.#signOuts) {
        await this.takeBack(record.refreshToken).catch((error) => this.takeBackLater(record, error));
      }
    }
  }

  /**
   * As writeIfNewest(), but acquires the lock if compare-and-swap is not enough. That is so, too, if the record takes the place
   * of none: if such a write arrives at the database late, after a sign-out, only its lock can show that it counts no more.
   */
  async writeInTurn(unsaved: Unsaved, write = () => this.writeIfNewest(unsaved)): Promise<boolean> {
    const { record, replaces } = unsaved;
    if (replaces !== undefined && replaces !== record.refreshToken) return write();
    return this.#inTurn(write);
  }

  /** Deletes a sign-in that a sign-out has ended, unless another record is stored by now. */
  async takeBack(refreshToken: string): Promise<void> {
    const { store, name } = this.#settings;
    const stored = readStoredRecord(await store.get(name));
    if (stored?.refreshToken === refreshToken) await store.delete(name);
    if (this.#unwanted === refreshToken) this.#unwanted = undefined;
  }

  /** Tries once more to do what could not be done. Never rejects. */
  tryAgain(): Promise<void> {
    if (this.isEmpty || performance.now() < this.#notBefore) return Promise.resolve();
    this.#saving ??= this.#tryAgain().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  /** Tries once more, and starts no more tries. */
  async close(): Promise<void> {
    await this.#saving;
    this.#notBefore = 0;
    await this.tryAgain();
  }

  /** For good. */
  stopTimer(): void {
    this.#timer.stop();
  }

  async #tryAgain(): Promise<void> {
    // A store may block the thread. The caller, who has its token, does not wait for that.
    await new Promise((resolve) => setImmediate(resolve));
    const started = performance.now();
    const unsaved = this.#unsaved;
    const unwanted = this.#unwanted;
    try {
      const isDone = await asStoreErrors(async () => {
        if (unwanted !== undefined && unwanted !== unsaved?.replaces) await this.#inTurn(() => this.takeBack(unwanted));
        return unsaved ? this.writeInTurn(unsaved, () => this.writeKept(unsaved)) : true;
      });
      if (isDone) this.#emit({ type: 'store-recovered' });
    } catch {
      // It was reported when it first failed.
      const now = performance.now();
      if (now - started > slowWriteMs) this.#notBefore = now + (now - started);
    }
  }

  #inTurn<T>(task: (lock: Lock) => Promise<T>): Promise<T> {
    const { store, name } = this.#settings;
    const request = { name, timeout: lateLockTimeoutMs };
    return this.#runDetached(() => runExclusively(store, request, task));
  }

  #report(reason: unknown, secrets: readonly (string | undefined)[]): void {
    this.#timer.start();
    const error = toStoreError(reason);
    this.#emit({ type: 'store-failed', error: describeError(error, secrets) }, error);
  }
}

/** Whether the store has a newer record than the one that it could not take. */
function isSuperseded({ record, replaces }: Unsaved, stored: TokenRecord | undefined): boolean {
  if (stored?.refreshToken !== replaces) return true;
  return record.refreshToken === replaces && (stored?.obtainedAt ?? 0) >= (record.obtainedAt ?? 0);
}

/** What no event may quote. */
export function secretsOf(record: Partial<TokenRecord> | undefined): (string | undefined)[] {
  return [record?.refreshToken, record?.accessToken, record?.idToken];
}
