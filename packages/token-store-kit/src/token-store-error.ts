/** What went wrong in a token store, for a program to act on. */
export type TokenStoreErrorCode =
  | 'STORE_CORRUPT' // the stored data is damaged; it is never replaced or emptied
  | 'STORE_KEY' // the encryption key does not fit the stored data
  | 'STORE_READONLY' // the store can be read, but not written
  | 'STORE_FULL' // there is no space left; the records are as they were
  | 'STORE_BUSY' // another caller or process was not done in time; trying again may help
  | 'STORE_OPEN' // the store cannot be opened, or its medium cannot be read or written
  | 'STORE_VERSION'; // a newer version of the store's package wrote the data

/** The cause, if the code has several. Later versions may add reasons; treat an unknown reason like a missing one. */
export type TokenStoreErrorReason =
  // STORE_KEY
  | 'key-missing' // the data is encrypted, and no key was given
  | 'key-wrong' // the data is encrypted with another key
  | 'key-changed' // the key was changed, added or removed after the store was opened
  | 'not-encrypted' // a key was given, but the data is not encrypted
  // STORE_OPEN
  | 'closed' // `close()` was called on this store
  | 'moved' // the file or the tables were moved, replaced or deleted after the store was opened; opening it again helps
  | 'foreign' // another program's data
  | 'not-a-file' // the path leads to a directory, or to a link without a file
  | 'missing' // the store was opened for reading only, and there is nothing to read
  | 'exposed' // other users can read the file, or have made it or a file beside it, and this user may not change that
  | 'linked' // the file has several names (hard links, or a mount of it alone), which would not share their locks
  | 'network-file-system' // other computers have the file, and locks do not reach their processes
  | 'disk' // the system could not read or write the disk
  | 'unreachable' // the database server does not answer; trying again may help
  | 'no-database' // the server has no database of that name
  | 'no-schema' // the database has no such schema
  | 'no-driver' // the package that speaks to the server is not installed
  | 'no-native-code' // the package with the database's native code is not where the program looks for it, or not for this system
  // STORE_OPEN, or STORE_READONLY if it can be read
  | 'no-permission' // this user may not read or write it, or may not enter its directory
  | 'read-only-file-system' // the file system is mounted read-only
  // STORE_READONLY
  | 'read-only-server' // the server takes no writes, for example because it is a standby
  | 'unfinished-write' // a process ended during a write; only a store that may write can roll it back
  // STORE_CORRUPT
  | 'damaged' // the file is damaged, or is no database
  | 'record-changed' // an encrypted record was changed by another program, or moved to another name
  // STORE_BUSY
  | 'lock-held' // another caller of `exclusively` holds the lock
  | 'lock-lost' // the lock could not be kept until the task had ended
  | 'database-locked'; // another process kept the database itself locked

/** What is known about a {@link TokenStoreError} besides its code and what went wrong. */
export interface TokenStoreErrorDetails {
  remedy?: string | undefined;
  /** The error that the store's own library or the system reported. */
  cause?: unknown;
  reason?: TokenStoreErrorReason | undefined;
  path?: string | undefined;
  pid?: number | undefined;
  holder?: string | undefined;
}

/**
 * A token store could not do what it was asked to. For a person, `problem` says what happened and `remedy` what to do;
 * the message is both. None of them ever contains a token. Programs decide by `code` and `reason`.
 */
export class TokenStoreError extends Error {
  override readonly name = 'TokenStoreError';
  readonly code: TokenStoreErrorCode;
  /** What went wrong, without a final full stop. */
  readonly problem: string;
  /** What a person can do about it, if that is known: begins with a capital letter, has no final full stop. */
  declare readonly remedy?: string;
  /** The cause, if the code has several. */
  declare readonly reason?: TokenStoreErrorReason;
  /** The file, if the store is one. */
  declare readonly path?: string;
  /** With STORE_BUSY: the process of this machine that holds the lock, if known. */
  declare readonly pid?: number;
  /** With STORE_BUSY: the host and process that hold the lock, if known. */
  declare readonly holder?: string;

  constructor(code: TokenStoreErrorCode, problem: string, details: TokenStoreErrorDetails = {}) {
    const { cause, ...facts } = details;
    const { remedy } = facts;
    super(remedy === undefined ? problem : `${problem}. ${remedy}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.problem = problem;
    for (const [name, value] of Object.entries(facts)) {
      if (value !== undefined) Object.assign(this, { [name]: value });
    }
  }
}
