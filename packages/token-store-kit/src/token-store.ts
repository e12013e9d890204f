import type { TokenRecord } from './token-record.ts';

/** A result now or later: a store may be synchronous, asynchronous, or both. */
export type MaybePromise<T> = T | Promise<T>;

/** The argument of a task of `exclusively`. */
export interface Lock {
  /**
   * Aborts when the store can no longer promise that no other task runs for this name. Never aborts in a store whose locks
   * end only with their process.
   */
  readonly signal: AbortSignal;
}

/** Options of `exclusively`. */
export interface ExclusivelyOptions {
  /** How long to wait for the lock, in milliseconds. Default 60,000; 0 tries once, Infinity waits for up to 24 days. */
  timeout?: number | undefined;
  /** Ends the wait with its reason. A task that already runs is not disturbed, and keeps its lock. */
  signal?: AbortSignal | undefined;
}

/** Options of `changed`. */
export interface ChangedOptions {
  /** The longest wait, in milliseconds. Infinity waits without limit. */
  timeout: number;
  /** Ends the wait with its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Keeps token records, one for each name, for the callers, processes or machines that share it. A name is any
 * well-formed string. Failures are `TokenStoreError`s; unusable arguments are TypeErrors or RangeErrors, and change
 * nothing. `storeContract` of `token-store-kit/contract` tests a store of your own.
 */
export interface TokenStore {
  /** The record, or undefined if there is none. */
  get(name: string): MaybePromise<TokenRecord | undefined>;
  /** Writes the whole record, whatever was stored before. Prefer {@link replace} for a refreshed token. */
  set(name: string, record: TokenRecord): MaybePromise<void>;
  /**
   * Compare-and-swap: writes the whole record only if the token of the stored record is still `previous`. That is the
   * refresh token or, without one, the access token: see `comparedToken`. With undefined, writes only if no record is stored.
   * Of several callers that replace the same token, one wins. The others get false and change nothing.
   */
  replace(name: string, previous: string | undefined, record: TokenRecord): MaybePromise<boolean>;
  /** Deletes the record. False if there was none. */
  delete(name: string): MaybePromise<boolean>;
  /** The names that have a record, sorted by code point. */
  list(): MaybePromise<readonly string[]>;
  /**
   * Runs `task` while no other caller runs a task for the same name, and returns its result. Callers of one process take
   * turns in the order in which they came. If the lock is not acquired within `timeout`, rejects with an error whose `code`
   * is `STORE_BUSY`. After that, or after an abort of the wait, `task` never runs. Rejects at once with a TypeError if the
   * caller is itself such a task for this name. A write that the task did not await ends before this resolves, or never happens.
   */
  exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T>;
  /**
   * Resolves when the record may have changed since the call, at the latest after `timeout`. It may also resolve
   * without a change, but rarely. To miss no change: call `changed`, then read the record, then await the promise.
   *
   * Optional. `shared-token` reads a store without it every 50 ms.
   */
  changed?(name: string, options: ChangedOptions): Promise<void>;
}
