/** What went wrong with a token database, for a program to act on. The message says it to a person. */
export type TokenStoreErrorCode =
  | 'STORE_CORRUPT'
  | 'STORE_KEY'
  | 'STORE_READONLY'
  | 'STORE_FULL'
  | 'STORE_BUSY'
  | 'STORE_OPEN'
  | 'STORE_VERSION';

/**
 * The database could not do what it was asked for. The message names the file and a remedy, never a token.
 * Whatever the code, the file holds what it held before the call; only where the very last sync failed, what the call wrote.
 */
export class TokenStoreError extends Error {
  override readonly name = 'TokenStoreError';
  readonly code: TokenStoreErrorCode;
  /** The database's file. */
  readonly path: string;
  /** With STORE_BUSY from `exclusively`: the process that holds the lock, where it is known. */
  declare readonly pid?: number;

  constructor(
    code: TokenStoreErrorCode,
    path: string,
    message: string,
    details: { cause?: unknown; pid?: number } = {},
  ) {
    super(`${path}: ${message}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.path = path;
    if (details.pid !== undefined) this.pid = details.pid;
  }
}

const busy = [
  'STORE_BUSY',
  'another process keeps the database locked. Try again; if it stays so, find that process (`fuser` on this file) and end it',
] as const;
const readonly = [
  'STORE_READONLY',
  'cannot be written. Let the user who runs this program write the file and its directory, or choose another file',
] as const;
const corrupt = [
  'STORE_CORRUPT',
  'is not a token database, or is damaged. It was left as it is: restore it from a backup, or move it away and sign in again',
] as const;
/** What a store is told that was opened with a key which is not the file's any more. */
export const keyChanged =
  'the key was changed, added or removed after this store was opened. Open it again with the new key';
const failed = [
  'STORE_OPEN',
  'the system could not read or write it. Check the disk, its quota, and that the file is on a local file system',
] as const;

/** Extended result codes first, then the primary ones they belong to (https://www.sqlite.org/rescode.html). */
const failures: Record<string, readonly [TokenStoreErrorCode, string]> = {
  SQLITE_READONLY_DBMOVED: ['STORE_OPEN', 'was moved, replaced or deleted since it was opened. Open it again'],
  // The triggers refuse nothing but records under another key.
  SQLITE_CONSTRAINT_TRIGGER: ['STORE_KEY', keyChanged],
  SQLITE_IOERR_SHORT_READ: corrupt,
  SQLITE_IOERR_DATA: corrupt,
  SQLITE_BUSY: busy,
  SQLITE_LOCKED: busy,
  SQLITE_FULL: ['STORE_FULL', 'the disk is full, and nothing was changed. Free some space and try again'],
  SQLITE_READONLY: readonly,
  SQLITE_PERM: readonly,
  SQLITE_CANTOPEN: [
    'STORE_OPEN',
    'cannot be opened. Check that it is a file and that this user may read it and enter its directory',
  ],
  SQLITE_CORRUPT: corrupt,
  SQLITE_NOTADB: corrupt,
  // The statements are fixed: where one of them does not fit, the tables were changed by somebody else.
  SQLITE_ERROR: corrupt,
  SQLITE_SCHEMA: corrupt,
  SQLITE_CONSTRAINT: corrupt,
  SQLITE_MISMATCH: corrupt,
};

/** SQLite's own code, such as SQLITE_BUSY_RECOVERY, where `error` comes from SQLite. */
export function sqliteCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined;
}

/** The TokenStoreError for an error of SQLite; anything else is returned as it is. */
export function toTokenStoreError(path: string, error: unknown): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  const primary = code.split('_', 2).join('_');
  const [ours, message] = failures[code] ?? failures[primary] ?? failed;
  return new TokenStoreError(ours, path, `${message} (${code})`, { cause: error });
}
