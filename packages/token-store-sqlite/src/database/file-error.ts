import {
  TokenStoreError,
  type TokenStoreErrorCode,
  type TokenStoreErrorDetails,
  type TokenStoreErrorReason,
} from 'token-store-kit';

const fs = process.getBuiltinModule('node:fs');
const { dirname } = process.getBuiltinModule('node:path');

/** The error about the file at `path`. Its message begins with the path; `message` goes on from there. */
export function fileError(
  path: string,
  code: TokenStoreErrorCode,
  message: string,
  details?: TokenStoreErrorDetails,
): TokenStoreError {
  return new TokenStoreError(code, `${path}: ${message}`, { path, ...details });
}

/** What an error of SQLite means to the caller. */
interface Failure {
  readonly code: TokenStoreErrorCode;
  readonly reason?: TokenStoreErrorReason;
  readonly message: string;
}

/** For a store that was opened with a key which is no longer the key of the file. */
export const keyChanged = {
  code: 'STORE_KEY',
  reason: 'key-changed',
  message: 'the key was changed, added or removed after this store was opened. Open it again with the new key',
} as const satisfies Failure;

const busy: Failure = {
  code: 'STORE_BUSY',
  reason: 'database-locked',
  message:
    'another process keeps the database locked. Try again; if it stays locked, find that process (`fuser` on this file) and end it',
};
const readOnly: Failure = {
  code: 'STORE_READONLY',
  message:
    'cannot be written. Let the user who runs this program write the file and its directory, or choose another file',
};
const readOnlyFileSystem: Failure = {
  code: 'STORE_READONLY',
  reason: 'read-only-file-system',
  message: 'cannot be written: the file system is read-only. Choose a file on another one',
};
const cannotOpen: Failure = {
  code: 'STORE_OPEN',
  message: 'cannot be opened. Check that it is a file and that this user may read it and enter its directory',
};
const damaged: Failure = {
  code: 'STORE_CORRUPT',
  reason: 'damaged',
  message:
    'is not a token database, or is damaged. It was left as it is: restore it from a backup, or move it away and sign in again',
};
const diskFailed: Failure = {
  code: 'STORE_OPEN',
  reason: 'disk',
  message:
    'the system could not read or write it. Check the disk, its quota, and that the file is on a local file system',
};

/**
 * By SQLite's extended result code, else by the primary code that it belongs to (https://www.sqlite.org/rescode.html).
 */
const failures: Record<string, Failure> = {
  SQLITE_READONLY_DBMOVED: {
    code: 'STORE_OPEN',
    reason: 'moved',
    message: 'was moved, replaced or deleted since it was opened. Open it again',
  },
  // The triggers refuse nothing but records under another key.
  SQLITE_CONSTRAINT_TRIGGER: keyChanged,
  SQLITE_READONLY_ROLLBACK: {
    code: 'STORE_READONLY',
    reason: 'unfinished-write',
    message:
      'a process was stopped while it wrote, and a store that is open for reading only may not undo that. Open it once without readOnly',
  },
  SQLITE_IOERR_SHORT_READ: damaged,
  SQLITE_IOERR_DATA: damaged,
  SQLITE_BUSY: busy,
  SQLITE_LOCKED: busy,
  SQLITE_FULL: {
    code: 'STORE_FULL',
    message: 'the disk is full, and nothing was changed. Free some space and try again',
  },
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

/** SQLite's own code, such as SQLITE_BUSY_RECOVERY, if `error` comes from SQLite. */
export function sqliteCode(error: unknown): string | undefined {
  const code = systemCode(error);
  return code?.startsWith('SQLITE_') ? code : undefined;
}

/** The `code` of an error of the system, such as EACCES, or of SQLite. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** The TokenStoreError for an error of SQLite. Any other error is returned as it is. */
export function toTokenStoreError(path: string, error: unknown): unknown {
  const sqlite = sqliteCode(error);
  if (sqlite === undefined) return error;
  const primary = sqlite.split('_', 2).join('_');
  const found = failures[sqlite] ?? failures[primary] ?? diskFailed;
  const { code, reason, message } = found.reason ? found : explain(found, path);
  return fileError(path, code, `${message} (${sqlite})`, { reason, cause: error });
}

/** Adds why the file cannot be opened or written: SQLite does not say it. */
function explain(failure: Failure, path: string): Failure {
  const { R_OK, W_OK, X_OK } = fs.constants;
  const isWrite = failure === readOnly;
  if (!isWrite && failure !== cannotOpen) return failure;
  const denied = [accessError(path, isWrite ? W_OK : R_OK), accessError(dirname(path), isWrite ? W_OK | X_OK : X_OK)];
  if (denied.includes('EROFS')) return readOnlyFileSystem;
  return denied.includes('EACCES') || denied.includes('EPERM') ? { ...failure, reason: 'no-permission' } : failure;
}

function accessError(path: string, mode: number): string | undefined {
  try {
    fs.accessSync(path, mode);
    return undefined;
  } catch (error) {
    return systemCode(error);
  }
}
