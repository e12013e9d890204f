import type { TokenRecord } from './token-record.ts';

/** A result now or later: a store may be synchronous, asynchronous, or both. */
export type MaybePromise<T> = T | Promise<T>;

/** What a task of `exclusively` is given. */
export interface Lock {
  /** Aborts when the store can no longer promise that no other task runs for this name. */
  readonly signal: AbortSignal;
}

/** Options of `exclusively`. */
export interface ExclusivelyOptions {
  /** How long to wait for the lock, in milliseconds. Default 60,000; 0 tries once, Infinity waits without limit. */
  timeout?: number | undefined;
  /** Ends the wait with its reason. A task that already runs is not disturbed. */
  signal?: AbortSignal | undefined;
}

/** Options of `changed`. */
export interface ChangedOptions {
  /** The longest wait, in milliseconds. */
  timeout: number;
  /** Ends the wait with its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Keeps token records, one for each name, for the callers, processes or machines that share it. Failures are
 * `TokenStoreError`s, or TypeErrors for unusable arguments. `storeContract` tests a store of your own.
 */
export interface TokenStore {
  /** The record, or undefined if there is none. */
  get(name: string): MaybePromise<TokenRecord | undefined>;
  /** Writes the record, whatever was stored before. */
  set(name: string, record: TokenRecord): MaybePromise<void>;
  /**
   * Compare-and-swap: writes only if the stored refresh token is still `previous` (undefined: if none is stored).
   * Returns false if it is not, and then changes nothing.
   */
  replace(name: string, previous: string | undefined, record: TokenRecord): MaybePromise<boolean>;
  /** Deletes the record. False if there was none. */
  delete(name: string): MaybePromise<boolean>;
  /** The names that have a record, sorted. */
  list(): MaybePromise<readonly string[]>;
  /**
   * Runs `task` while no other caller runs one for the same name. If the lock is not acquired within `timeout`,
   * rejects with an error whose `code` is `STORE_BUSY`.
   */
  exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T>;
  /**
   * Resolves when the record may have changed, at the latest after `timeout`. Optional: a store without it is read
   * every 50 ms.
   */
  changed?(name: string, options: ChangedOptions): Promise<void>;
}
