import { TokenStoreError, toTokenStoreError } from './token-store-error.ts';

// An import of node:fs also loads node:fs/promises and streams, 3 ms at the start of every program that reads a token.
const fs = process.getBuiltinModule('node:fs');
const { dirname, resolve } = process.getBuiltinModule('node:path');

/** The file that SQLite opens. */
export interface DatabaseFile {
  /** Without symbolic links, so that two names of one file share their locks. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Finds the file, or makes it, empty and with mode 0600, in directories with mode 0700.
 *
 * @throws {TokenStoreError} STORE_OPEN, STORE_READONLY or STORE_FULL.
 */
export function findOrCreate(path: string): DatabaseFile {
  const absolute = resolve(path);
  let file = find(absolute);
  if (!file) {
    create(absolute);
    file = find(absolute);
  }
  if (file) return file;
  throw new TokenStoreError(
    'STORE_OPEN',
    absolute,
    'is a symbolic link to a file that does not exist. Remove the link, or make the file it points to',
  );
}

/**
 * Takes access away from everybody but the owner. Changes the mode by name: closing any descriptor of a file drops the
 * locks that SQLite has on it in this process.
 *
 * @throws {TokenStoreError} STORE_OPEN where the file is another user's.
 */
export function makePrivate({ path, mode, uid }: DatabaseFile): void {
  if ((mode & 0o077) === 0 || process.platform === 'win32') return;
  try {
    fs.chmodSync(path, mode & 0o600);
  } catch (error) {
    if (errorCode(error) === 'EROFS') return; // who mounted it decided who reads it
    throw new TokenStoreError(
      'STORE_OPEN',
      path,
      `can be read by others, and belongs to user ${uid}, so that this user cannot change it. Choose another file`,
      { cause: error },
    );
  }
}

/** The TokenStoreError for a file that could not be made. */
export function creationError(path: string, error: unknown): unknown {
  const code = errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = `cannot be created: the disk is full. Free some space and try again (${code})`;
    return new TokenStoreError('STORE_FULL', path, message, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const message = `cannot be created: its directory cannot be written. Let this user write it, or choose another file (${code})`;
    return new TokenStoreError('STORE_READONLY', path, message, { cause: error });
  }
  return openError(path, error);
}

function openError(path: string, error: unknown): unknown {
  const code = errorCode(error);
  if (code === undefined || code.startsWith('SQLITE_')) return toTokenStoreError(path, error);
  return new TokenStoreError(
    'STORE_OPEN',
    path,
    `cannot be opened or created. Check the path, and that this user may enter its directories (${code})`,
    { cause: error },
  );
}

/** Undefined where there is no such file. */
function find(path: string): DatabaseFile | undefined {
  try {
    const real = fs.realpathSync.native(path);
    const stat = fs.statSync(real);
    if (stat.isFile()) return { path: real, mode: stat.mode, uid: stat.uid, gid: stat.gid };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw openError(path, error);
  }
  throw new TokenStoreError('STORE_OPEN', path, 'is not a file. Choose the name of a file');
}

function create(path: string): void {
  const directory = dirname(path);
  try {
    if (!fs.existsSync(directory)) makeDirectory(directory);
  } catch (error) {
    throw openError(path, error);
  }
  try {
    const descriptor = fs.openSync(path, 'wx', 0o600);
    fs.fchmodSync(descriptor, 0o600); // a umask may have taken the owner's own bits
    retain(descriptor);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw creationError(path, error); // else another process was faster
  }
}

const retained: number[] = [];

/**
 * Another thread may have the new file open through SQLite already, and would lose its locks on it by the closing of this
 * descriptor. So it stays until the file is gone.
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

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
