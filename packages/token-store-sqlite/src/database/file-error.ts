import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import {
  accessError,
  because,
  creationError,
  damaged,
  type Failure,
  fileError,
  fileFailures,
  openError,
  removeIfThere,
  systemCode,
} from 'token-store-kit/files';
import { newDraftPath } from '../lock/lock-paths.ts';

const changed = 'the key was changed, added or removed after this store was opened';
/** For a store whose key is no longer the key of the file. */
export const keyChanged: Failure = ['STORE_KEY', 'key-changed', changed, 'Open it again with the new key'];
/** For a record that cannot be decrypted or, if it is not encrypted, cannot be read. */
export function recordChanged(appName: string, how: 'decrypted' | 'read'): Failure {
  const copied = how === 'decrypted' ? ', or copied them from another name' : '';
  const problem = `the tokens of ${JSON.stringify(appName)} cannot be ${how}: another program changed them${copied}`;
  return ['STORE_CORRUPT', 'record-changed', problem, 'Delete them and sign in again'];
}
const notOurs = damaged('is damaged, or is not a token database');
const locked = 'another process keeps the database locked';
const endIt = 'Try again; if it stays locked, find that process (`fuser` on this file) and end it';
const busy: Failure = ['STORE_BUSY', 'database-locked', locked, endIt];
const { full, readOnly, readOnlyFileSystem, cannotOpen, nameTooLong, tooManyOpen, diskFailed, moved } = fileFailures;
const halfWritten = 'a process ended during a write, and a read-only store cannot roll that back';

/** By SQLite's extended result code, else by the primary code that it belongs to (https://www.sqlite.org/rescode.html). */
const failures: Record<string, Failure> = {
  SQLITE_READONLY_DBMOVED: moved,
  // The triggers refuse only records under another key.
  SQLITE_CONSTRAINT_TRIGGER: keyChanged,
  SQLITE_READONLY_ROLLBACK: ['STORE_READONLY', 'unfinished-write', halfWritten, 'Open it once without readOnly'],
  SQLITE_IOERR_SHORT_READ: notOurs,
  SQLITE_BUSY: busy,
  SQLITE_FULL: full,
  SQLITE_READONLY: readOnly,
  SQLITE_CANTOPEN: cannotOpen,
  SQLITE_CORRUPT: notOurs,
  SQLITE_NOTADB: notOurs,
  // The statements never change. If one of them does not fit, another program has changed the tables.
  SQLITE_ERROR: notOurs,
  SQLITE_SCHEMA: notOurs,
  SQLITE_CONSTRAINT: notOurs,
  SQLITE_MISMATCH: notOurs,
};

/**
 * The TokenStoreError for an error of SQLite or the system. Any other error is returned as it is. `mayWrite`: whether it may make a file for
 * a moment, to find out why SQLite could not make its journal.
 */
export function toTokenStoreError(path: string, error: unknown, { mayWrite = false } = {}): unknown {
  const code = systemCode(error);
  if (!code?.startsWith('SQLITE_')) return openError(path, error);
  const found: Failure = failures[code] ?? failures[code.split('_', 2).join('_')] ?? diskFailed;
  const failure = explain(found, path);
  const isUnexplained = failure === readOnly || failure === cannotOpen;
  const refusal = mayWrite && isUnexplained ? refusalOfNewFile(path) : undefined;
  return refusal ? creationError(path, refusal) : fileError(path, failure, error);
}

/** Adds why the file cannot be opened or written: SQLite does not say it. */
function explain(failure: Failure, path: string): Failure {
  const { R_OK, W_OK, X_OK } = constants;
  const isWrite = failure === readOnly;
  if (!isWrite && failure !== cannotOpen) return failure;
  const denied = [accessError(path, isWrite ? W_OK : R_OK), accessError(dirname(path), isWrite ? W_OK | X_OK : X_OK)];
  if (denied.includes('EROFS')) return readOnlyFileSystem;
  if (denied.includes('EACCES') || denied.includes('EPERM')) return because('no-permission', failure);
  if (isWrite) return failure;
  if (canOpenNone()) return tooManyOpen;
  // SQLite takes paths of 512 bytes, and the system names of 255. Of both, `-journal` needs its part.
  return Buffer.byteLength(path) > 504 || Buffer.byteLength(basename(path)) > 247 ? nameTooLong : failure;
}

/** The system's error, such as ENOSPC or EROFS, if it makes no file beside this one. */
function refusalOfNewFile(path: string): unknown {
  const draft = newDraftPath(path);
  try {
    closeSync(openSync(draft, 'wx', 0o600));
    return undefined;
  } catch (error) {
    return error;
  } finally {
    removeIfThere(draft);
  }
}

/** Whether this process, or the system, has reached its limit of open files. */
function canOpenNone(): boolean {
  try {
    closeSync(openSync(process.execPath, 'r'));
    return false;
  } catch {
    return true;
  }
}
