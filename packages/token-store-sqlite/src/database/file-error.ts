import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { TokenStoreError, type TokenStoreErrorCode, type TokenStoreErrorReason } from 'token-store-kit';

/** What went wrong with a file, and what a person can do. */
export interface Failure {
  readonly code: TokenStoreErrorCode;
  readonly reason?: TokenStoreErrorReason | undefined;
  /** Goes on from the path. */
  readonly problem: string;
  readonly remedy: string;
}

/** The error about the file at `path`. Its problem begins with the path, and ends with the code of its cause, if there is one. */
export function fileError(path: string, failure: Failure, cause?: unknown): TokenStoreError {
  const { code, problem, ...details } = failure;
  const detail = systemCode(cause);
  return new TokenStoreError(code, `${path}: ${problem}${detail ? ` (${detail})` : ''}`, { ...details, path, cause });
}

/** For a store that was opened with a key which is no longer the key of the file. */
export const keyChanged: Failure = {
  code: 'STORE_KEY',
  reason: 'key-changed',
  problem: 'the key was changed, added or removed after this store was opened',
  remedy: 'Open it again with the new key',
};
export const damaged: Failure = {
  code: 'STORE_CORRUPT',
  reason: 'damaged',
  problem: 'is not a token database, or is damaged. It was left as it is',
  remedy: 'Restore it from a backup, or move it away and sign in again',
};
const busy: Failure = {
  code: 'STORE_BUSY',
  reason: 'database-locked',
  problem: 'another process keeps the database locked',
  remedy: 'Try again; if it stays locked, find that process (`fuser` on this file) and end it',
};
const readOnly: Failure = {
  code: 'STORE_READONLY',
  problem: 'cannot be written',
  remedy: 'Let the user who runs this program write the file and its directory, or choose another file',
};
const readOnlyFileSystem: Failure = {
  code: 'STORE_READONLY',
  reason: 'read-only-file-system',
  problem: 'cannot be written: the file system is read-only',
  remedy: 'Choose a file on another one',
};
const cannotOpen: Failure = {
  code: 'STORE_OPEN',
  problem: 'cannot be opened',
  remedy: 'Check that it is a file, and that this user may read it and enter its directories',
};
const full: Failure = {
  code: 'STORE_FULL',
  problem: 'the disk is full, and nothing was changed',
  remedy: 'Free some space and try again',
};
const diskFailed: Failure = {
  code: 'STORE_OPEN',
  reason: 'disk',
  problem: 'the system could not read or write it',
  remedy: 'Check the disk, its quota, and that the file is on a local file system',
};

/**
 * By SQLite's extended result code, else by the primary code that it belongs to (https://www.sqlite.org/rescode.html).
 */
const failures: Record<string, Failure> = {
  SQLITE_READONLY_DBMOVED: {
    code: 'STORE_OPEN',
    reason: 'moved',
    problem: 'was moved, replaced or deleted since it was opened',
    remedy: 'Open it again',
  },
  // The triggers refuse nothing but records under another key.
  SQLITE_CONSTRAINT_TRIGGER: keyChanged,
  SQLITE_READONLY_ROLLBACK: {
    code: 'STORE_READONLY',
    reason: 'unfinished-write',
    problem: 'a process was stopped while it wrote, and a store that is open for reading only may not undo that',
    remedy: 'Open it once without readOnly',
  },
  SQLITE_IOERR_SHORT_READ: damaged,
  SQLITE_IOERR_DATA: damaged,
  SQLITE_BUSY: busy,
  SQLITE_LOCKED: busy,
  SQLITE_FULL: full,
  SQLITE_READONLY: readOnly,
  SQLITE_PERM: readOnly,
  SQLITE_CANTOPEN: cannotOpen,
  SQLITE_CORRUPT: damaged,
  SQLITE_NOTADB: damaged,
  // The statements never change. If one of them does not fit, another program has changed the tables.
  SQLITE_ERROR: damaged,
  SQLITE_SCHEMA: damaged,
  SQLITE_CONSTRAINT: damaged,
  SQLITE_MISMATCH: damaged,
};

/** The `code` of an error of the system, such as EACCES, or of SQLite, such as SQLITE_BUSY_RECOVERY. */
export function systemCode(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** The TokenStoreError for an error of SQLite. Any other error is returned as it is. */
export function toTokenStoreError(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (!code?.startsWith('SQLITE_')) return error;
  const primary = code.split('_', 2).join('_');
  const found = failures[code] ?? failures[primary] ?? diskFailed;
  return fileError(path, found.reason ? found : explain(found, path), error);
}

/** Adds why the file cannot be opened or written: SQLite does not say it. */
function explain(failure: Failure, path: string): Failure {
  const { R_OK, W_OK, X_OK } = constants;
  const isWrite = failure === readOnly;
  if (!isWrite && failure !== cannotOpen) return failure;
  const denied = [accessError(path, isWrite ? W_OK : R_OK), accessError(dirname(path), isWrite ? W_OK | X_OK : X_OK)];
  if (denied.includes('EROFS')) return readOnlyFileSystem;
  return denied.includes('EACCES') || denied.includes('EPERM') ? { ...failure, reason: 'no-permission' } : failure;
}

/** Why this user may not use it so, for example EACCES. Undefined if the user may. `mode`: see `fs.access`. */
export function accessError(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return systemCode(error);
  }
}

const openReasons: Record<string, TokenStoreErrorReason> = {
  EACCES: 'no-permission',
  EPERM: 'no-permission',
  EROFS: 'read-only-file-system',
  EISDIR: 'not-a-file',
  ELOOP: 'not-a-file',
  ENOTDIR: 'not-a-file',
  EIO: 'disk',
};

/** The TokenStoreError for a file that the system did not open or find. */
export function openError(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined || code.startsWith('SQLITE_')) return toTokenStoreError(path, error);
  const failure = code === 'EROFS' ? readOnlyFileSystem : cannotOpen;
  return fileError(path, { ...failure, code: 'STORE_OPEN', reason: openReasons[code] }, error);
}

/** The TokenStoreError for a file that could not be made. */
export function creationError(path: string, error: unknown): unknown {
  const code = systemCode(error) ?? '';
  if (['ENOSPC', 'EDQUOT'].includes(code)) return fileError(path, full, error);
  if (code === 'EROFS') return fileError(path, readOnlyFileSystem, error);
  if (['EACCES', 'EPERM'].includes(code)) return fileError(path, { ...readOnly, reason: 'no-permission' }, error);
  return openError(path, error);
}
