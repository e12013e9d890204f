import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { TokenStoreError, type TokenStoreErrorCode, type TokenStoreErrorReason } from 'token-store-kit';

/** `problem` goes on from the path. */
export type Failure = readonly [
  code: TokenStoreErrorCode,
  reason: TokenStoreErrorReason | undefined,
  problem: string,
  remedy: string,
];

/** The error about the file at `path`. Its problem begins with the path, and ends with the code of its cause, if there is one. */
export function fileError(path: string, [code, reason, problem, remedy]: Failure, cause?: unknown): TokenStoreError {
  const detail = systemCode(cause);
  const text = `${path}: ${problem}${detail ? ` (${detail})` : ''}`;
  return new TokenStoreError(code, text, { reason, remedy, path, cause });
}

const changed = 'the key was changed, added or removed after this store was opened';
/** For a store that was opened with a key which is no longer the key of the file. */
export const keyChanged: Failure = ['STORE_KEY', 'key-changed', changed, 'Open it again with the new key'];
const restore = 'Restore it from a backup, or move it away and sign in again';
export function damaged(how = 'is not a token database, or is damaged'): Failure {
  return ['STORE_CORRUPT', 'damaged', `${how}. It was left as it is`, restore];
}
const locked = 'another process keeps the database locked';
const endIt = 'Try again; if it stays locked, find that process (`fuser` on this file) and end it';
const busy: Failure = ['STORE_BUSY', 'database-locked', locked, endIt];
const allowWrites = 'Let the user who runs this program write the file and its directory, or choose another file';
const readOnly: Failure = ['STORE_READONLY', undefined, 'cannot be written', allowWrites];
const mountedSo = 'cannot be written: the file system is read-only';
const readOnlyFileSystem: Failure = [
  'STORE_READONLY',
  'read-only-file-system',
  mountedSo,
  'Choose a file on another one',
];
const allowReads = 'Check that it is a file, and that this user may read it and enter its directories';
const cannotOpen: Failure = ['STORE_OPEN', undefined, 'cannot be opened', allowReads];
const noSpace = 'the disk is full, and nothing was changed';
const full: Failure = ['STORE_FULL', undefined, noSpace, 'Free some space and try again'];
const checkDisk = 'Check the disk, its quota, and that the file is on a local file system';
const diskFailed: Failure = ['STORE_OPEN', 'disk', 'the system could not read or write it', checkDisk];
const replaced = 'was moved, replaced or deleted since it was opened';
const halfWritten = 'a process was stopped while it wrote, and a store that is open for reading only may not undo that';

/** By SQLite's extended result code, else by the primary code that it belongs to (https://www.sqlite.org/rescode.html). */
const failures: Record<string, Failure> = {
  SQLITE_READONLY_DBMOVED: ['STORE_OPEN', 'moved', replaced, 'Open it again'],
  // The triggers refuse nothing but records under another key.
  SQLITE_CONSTRAINT_TRIGGER: keyChanged,
  SQLITE_READONLY_ROLLBACK: ['STORE_READONLY', 'unfinished-write', halfWritten, 'Open it once without readOnly'],
  SQLITE_IOERR_SHORT_READ: damaged(),
  SQLITE_BUSY: busy,
  SQLITE_FULL: full,
  SQLITE_READONLY: readOnly,
  SQLITE_CANTOPEN: cannotOpen,
  SQLITE_CORRUPT: damaged(),
  SQLITE_NOTADB: damaged(),
  // The statements never change. If one of them does not fit, another program has changed the tables.
  SQLITE_ERROR: damaged(),
  SQLITE_SCHEMA: damaged(),
  SQLITE_CONSTRAINT: damaged(),
  SQLITE_MISMATCH: damaged(),
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
  const found = failures[code] ?? failures[code.split('_', 2).join('_')] ?? diskFailed;
  return fileError(path, explain(found, path), error);
}

/** Adds why the file cannot be opened or written: SQLite does not say it. */
function explain(failure: Failure, path: string): Failure {
  const { R_OK, W_OK, X_OK } = constants;
  const isWrite = failure === readOnly;
  if (!isWrite && failure !== cannotOpen) return failure;
  const denied = [accessError(path, isWrite ? W_OK : R_OK), accessError(dirname(path), isWrite ? W_OK | X_OK : X_OK)];
  if (denied.includes('EROFS')) return readOnlyFileSystem;
  return denied.includes('EACCES') || denied.includes('EPERM') ? because('no-permission', failure) : failure;
}

function because(reason: TokenStoreErrorReason | undefined, [code, , problem, remedy]: Failure): Failure {
  return [code, reason, problem, remedy];
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
  if (code === undefined || /^(SQLITE|STORE)_/.test(code)) return toTokenStoreError(path, error);
  const [, , problem, remedy] = code === 'EROFS' ? readOnlyFileSystem : cannotOpen;
  return fileError(path, ['STORE_OPEN', openReasons[code], problem, remedy], error);
}

/** The TokenStoreError for a file that could not be made. */
export function creationError(path: string, error: unknown): unknown {
  const code = systemCode(error) ?? '';
  if (['ENOSPC', 'EDQUOT'].includes(code)) return fileError(path, full, error);
  if (code === 'EROFS') return fileError(path, readOnlyFileSystem, error);
  if (['EACCES', 'EPERM'].includes(code)) return fileError(path, because('no-permission', readOnly), error);
  return openError(path, error);
}
