import { dirname } from 'node:path';
import { fileError, fileFailures, openError, systemCode } from './file-error.ts';
import { fs } from './node-fs.ts';

/** A user and a group of the system. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What the system says about a file. Not the class of node:fs, whose types a user may not have. */
export interface FileStats extends Owner {
  readonly mode: number;
  readonly nlink: number;
  readonly size: number;
  /** False for a directory, a socket, a device. */
  isFile(): boolean;
}

/** A file, by its path without symbolic links: two names of one file have to share their locks. */
export interface FoundFile {
  readonly path: string;
  readonly stats: FileStats;
}

/**
 * Finds a file, and follows symbolic links. Undefined if there is none.
 *
 * @throws {TokenStoreError} STORE_OPEN for what is not a file, has several names, or may have been planted by another user.
 */
export function findFile(path: string): FoundFile | undefined {
  try {
    const real = fs.realpathSync.native(path);
    const stats = fs.statSync(real);
    if (stats.isFile()) {
      refuseUntrusted(path, real, stats);
      return { path: real, stats };
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw openError(path, error);
  }
  throw fileError(path, fileFailures.notAFile);
}

/** `given` is the path before its symbolic links were followed. */
function refuseUntrusted(given: string, path: string, { uid, nlink }: FileStats): void {
  if (nlink > 1) {
    const problem = `has ${nlink} names (hard links), each of which would have its own locks`;
    const remedy = 'Remove the other names, or use a copy of the file';
    throw fileError(path, ['STORE_OPEN', 'linked', problem, remedy]);
  }
  // root can use every user's files, also one that was put where root was going to make its own.
  const isPublic = (path: string): boolean => (fs.statSync(dirname(path)).mode & 0o002) !== 0;
  if (uid === 0 || uid === process.geteuid?.() || ![given, path].some(isPublic)) return;
  const problem = `belongs to user ${uid}, who may have put it into a folder that everyone can write`;
  throw fileError(path, ['STORE_OPEN', 'exposed', problem, 'Choose another file']);
}

/**
 * Throws STORE_OPEN for what another user may have put there: no file, one of another user than `owner`, or a hard link. `stats`
 * are those of the file itself, and undefined if there is none.
 */
export function refusePlanted(
  path: string,
  owner: Owner,
  stats: FileStats | undefined = fs.lstatSync(path, { throwIfNoEntry: false }),
): void {
  const trusted = [0, process.geteuid?.(), owner.uid];
  if (!stats || (stats.isFile() && stats.nlink <= 1 && trusted.includes(stats.uid))) return;
  const problem = `is not one of this store's files (user ${stats.uid} has made it)`;
  const remedy = 'Remove it, and keep the store in a folder that only you can write';
  throw fileError(path, ['STORE_OPEN', 'exposed', problem, remedy]);
}

/**
 * Opens a file to read it, or, with `create`, to write it: a new one has mode 0600. Never waits, follows no symbolic link, and
 * refuses what another user may have planted. A file that root makes is given to `owner`, who could not use it otherwise.
 * Returns its descriptor.
 */
export function openPrivateFile(path: string, { owner, create = false }: { owner: Owner; create?: boolean }): number {
  const { O_RDONLY, O_RDWR, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  refusePlanted(path, owner);
  const descriptor = fs.openSync(path, (create ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    refusePlanted(path, owner, fs.fstatSync(descriptor)); // It may have been planted since then.
    if (create && process.geteuid?.() === 0) fs.fchownSync(descriptor, owner.uid, owner.gid);
    return descriptor;
  } catch (error) {
    fs.closeSync(descriptor);
    throw error;
  }
}

/** Makes a directory and those above it, with mode 0700. Syncs them: a power failure could take away a new one with the sign-in in it. */
export function makeDirectories(directory: string): void {
  if (fs.existsSync(directory)) return;
  const parent = dirname(directory);
  makeDirectories(parent);
  try {
    fs.mkdirSync(directory, 0o700);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error; // EEXIST: another process was faster.
  }
  syncDirectory(parent);
}

/** Removes a file. A failure is no error: then it stays. */
export function removeIfThere(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch {
    // See above.
  }
}

/** Puts names that were made or changed in a directory on the disk. Windows does that itself. */
export function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const descriptor = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}
