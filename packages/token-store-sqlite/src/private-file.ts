import * as fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TokenStoreError, toTokenStoreError } from './token-store-error.ts';

/** A file that is there, and that only its owner can read. */
export interface PrivateFile {
  /** Without symbolic links, so that two names of one file share their locks. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Makes what is missing (directories 0700, an empty file 0600) and takes access away from everybody but the owner.
 *
 * @throws {TokenStoreError} STORE_OPEN, STORE_READONLY or STORE_FULL.
 */
export function preparePrivateFile(path: string): PrivateFile {
  const absolute = resolve(path);
  let real = realPath(absolute);
  if (real === undefined) {
    create(absolute);
    real = realPath(absolute);
    if (real === undefined) {
      throw new TokenStoreError(
        'STORE_OPEN',
        absolute,
        'is a symbolic link to a file that does not exist. Remove the link, or make the file it points to',
      );
    }
  }
  const stat = attempt(absolute, () => fs.statSync(real));
  if (!stat.isFile()) throw new TokenStoreError('STORE_OPEN', absolute, 'is not a file. Choose the name of a file');
  if ((stat.mode & 0o077) !== 0 && process.platform !== 'win32') tighten(real, stat);
  return { path: real, uid: stat.uid, gid: stat.gid };
}

/** Undefined where there is no such file. */
function realPath(path: string): string | undefined {
  try {
    return fs.realpathSync.native(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw openError(path, error);
  }
}

function create(path: string): void {
  const directory = dirname(path);
  if (!fs.existsSync(directory)) attempt(path, () => makeDirectory(directory));
  try {
    const descriptor = fs.openSync(path, 'wx', 0o600);
    fs.fchmodSync(descriptor, 0o600); // a umask may have taken the owner's own bits
    retain(descriptor);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw openError(path, error); // else another process was faster
  }
}

const retained: number[] = [];

/**
 * POSIX drops all locks of a process on a file when it closes any descriptor of it, and another thread may have
 * opened the new file through SQLite already. So the descriptor stays until the file is gone.
 */
function retain(descriptor: number): void {
  if (process.platform === 'win32') {
    fs.closeSync(descriptor);
    return;
  }
  for (const kept of retained.splice(0)) {
    if (fs.fstatSync(kept).nlink === 0) fs.closeSync(kept);
    else retained.push(kept);
  }
  retained.push(descriptor);
}

function makeDirectory(directory: string): void {
  const parent = dirname(directory);
  if (!fs.existsSync(parent)) makeDirectory(parent);
  try {
    fs.mkdirSync(directory, 0o700);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return;
    throw error;
  }
  fs.chmodSync(directory, 0o700);
  syncDirectory(parent);
}

/** Else a power failure could take the new directory away, and the sign-in in it. SQLite does it for its own files. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const descriptor = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

function tighten(path: string, stat: fs.Stats): void {
  try {
    fs.chmodSync(path, stat.mode & 0o600);
  } catch (error) {
    if (errorCode(error) === 'EROFS') return; // who mounted it decides who reads it
    throw new TokenStoreError(
      'STORE_OPEN',
      path,
      `other users can read it, and it belongs to user ${stat.uid}, so this user cannot close it. Change its owner, or choose another file`,
      { cause: error },
    );
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw openError(path, error);
  }
}

/** The TokenStoreError for an error of the file system or of SQLite. */
export function openError(path: string, error: unknown): unknown {
  const code = errorCode(error);
  const details = { cause: error };
  switch (code) {
    case undefined:
      return error;
    case 'ENOSPC':
    case 'EDQUOT':
      return new TokenStoreError(
        'STORE_FULL',
        path,
        `cannot be created: the disk is full (${code}). Free some space`,
        details,
      );
    case 'EROFS':
      return new TokenStoreError(
        'STORE_READONLY',
        path,
        `cannot be created on a read-only file system. Choose another file (${code})`,
        details,
      );
    default:
      if (code.startsWith('SQLITE_')) return toTokenStoreError(path, error);
      return new TokenStoreError(
        'STORE_OPEN',
        path,
        `cannot be opened or created. Check the path, and that this user may enter and write its directory (${code})`,
        details,
      );
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
