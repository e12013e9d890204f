/** What went wrong in a token store, for a program to act on. */
export type TokenStoreErrorCode =
  | 'STORE_CORRUPT'
  | 'STORE_KEY'
  | 'STORE_READONLY'
  | 'STORE_FULL'
  | 'STORE_BUSY'
  | 'STORE_OPEN'
  | 'STORE_VERSION';

/** What is known about the failure besides its code and message. */
export interface TokenStoreErrorDetails {
  cause?: unknown;
  /** See {@link TokenStoreError.reason}. */
  reason?: string | undefined;
  /** See {@link TokenStoreError.path}. */
  path?: string | undefined;
  /** See {@link TokenStoreError.pid}. */
  pid?: number | undefined;
  /** See {@link TokenStoreError.holder}. */
  holder?: string | undefined;
}

/**
 * A token store could not do what it was asked to. The message says to a person what happened and what to do, never a
 * token. Programs decide by `code` and `reason`.
 */
export class TokenStoreError extends Error {
  override readonly name = 'TokenStoreError';
  readonly code: TokenStoreErrorCode;
  /**
   * Which cause, if the code has several:
   * STORE_KEY: `key-missing`, `key-wrong`, `key-changed` (since the store was opened), `not-encrypted`;
   * STORE_OPEN: `closed`, `moved`, `foreign` (another program's data), `unreachable`.
   */
  declare readonly reason?: string;
  /** The file, for a store that is one. */
  declare readonly path?: string;
  /** With STORE_BUSY: the process of this machine that holds the lock, if known. */
  declare readonly pid?: number;
  /** With STORE_BUSY: the host and process that hold the lock, if known. */
  declare readonly holder?: string;

  constructor(code: TokenStoreErrorCode, message: string, details: TokenStoreErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    const { reason, path, pid, holder } = details;
    if (reason !== undefined) this.reason = reason;
    if (path !== undefined) this.path = path;
    if (pid !== undefined) this.pid = pid;
    if (holder !== undefined) this.holder = holder;
  }
}
