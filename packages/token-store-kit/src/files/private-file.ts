import { dirname } from 'node:path';
import { type Failure, fileError, fileFailures, openError, systemCode } from './file-error.ts';
import { isMountPoint } from './file-system.ts';
import { fs } from './node-fs.ts';

/** A user and a group of the system. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The needed part of `Stats` of node:fs, whose types a user may not have installed. */
export interface FileStats extends Owner {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly size: number;
  /** False for a directory, a socket, a device. */
  isFile(): boolean;
  /** True for a symbolic link that was not followed. */
  isSymbolicLink(): boolean;
}

/**
 * Finds a file, and follows symbolic links, so that two names of one file share their locks. Undefined if there is no file.
 *
 * @throws {TokenStoreError} STORE_OPEN if the path is not that of a file, or if the file has several names, is mounted without its folder,
 * or may have been planted by another user.
 */
export function findFile(path: string): { path: string; stats: FileStats } | undefined {
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
  if (nlink > 1) throw fileError(path, linked(nlink));
  if (isMountPoint(path)) {
    const problem = 'is mounted alone, but the locks are in its folder';
    throw fileError(path, ['STORE_OPEN', 'linked', problem, 'Mount the folder, not the file']);
  }
  const self = process.geteuid?.();
  if (uid === 0 || uid === self) return;
  // Root may use the files of any user, in a folder of that user or root. A group that may write there counts as the user's own.
  const [owners, others] = self === 0 ? [[0, uid], 0o002] : [[0, self], 0o022];
  const isOpen = (path: string): boolean => {
    const folder = fs.statSync(dirname(path));
    return !owners.includes(folder.uid) || (folder.mode & others) !== 0;
  };
  if (![given, path].some(isOpen)) return;
  const problem = `belongs to user ${uid}, who may have put it there`;
  throw fileError(path, ['STORE_OPEN', 'exposed', problem, 'Choose a file in a folder that only you can write']);
}

const isLink = 'is now a symbolic link, which this store refuses';
// The remedy spares the link's target: the owner may have moved the file there.
const symbolicLink: Failure = ['STORE_OPEN', 'moved', isLink, 'Open the file that it leads to, or remove the link'];

const isNotUtf8 = 'cannot be made: its name is not UTF-8, or has U+FFFD in it';
const notUtf8: Failure = ['STORE_OPEN', undefined, isNotUtf8, 'Choose a file in another folder'];

function linked(names: number): Failure {
  const problem = `has ${names} names (hard links), each of which would have its own locks`;
  return ['STORE_OPEN', 'linked', problem, 'Remove the other names, or use a copy of the file'];
}

/**
 * Throws STORE_OPEN for what another user may have planted: anything but a file, a file of another user than `owner`, or a link. `stats`
 * do not follow a link, and are undefined if there is no file.
 */
export function refusePlanted(
  path: string,
  owner: Owner,
  stats: FileStats | undefined = fs.lstatSync(path, { throwIfNoEntry: false }),
): void {
  if (!stats) return;
  if ([0, process.geteuid?.(), owner.uid].includes(stats.uid)) {
    if (stats.isSymbolicLink()) throw fileError(path, symbolicLink);
    if (stats.isFile() && stats.nlink > 1) throw fileError(path, linked(stats.nlink));
    if (stats.isFile()) return;
  }
  const problem = `is not one of this store's files (user ${stats.uid} has made it)`;
  const remedy = 'Remove it, and keep the store in a folder that only you can write';
  throw fileError(path, ['STORE_OPEN', 'exposed', problem, remedy]);
}

/**
 * Opens a file for reading or, with `create`, replaces it by a new one of mode 0600. Never blocks, follows no symbolic link, and refuses
 * what another user may have planted. Root gives a new file to `owner`, who could not use it otherwise. Returns the descriptor.
 */
export function openPrivateFile(path: string, { owner, create = false }: { owner: Owner; create?: boolean }): number {
  const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  if (create) removeIfThere(path);
  refusePlanted(path, owner);
  const flags = create ? O_RDWR | O_CREAT | O_EXCL : O_RDONLY;
  const descriptor = fs.openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    refusePlanted(path, owner, fs.fstatSync(descriptor)); // The file may have been planted since the first check.
    // Not to itself: in a container, root may not be allowed to give files to other users and groups.
    if (create && process.geteuid?.() === 0 && owner.uid !== 0) fs.fchownSync(descriptor, owner.uid, owner.gid);
    return descriptor;
  } catch (error) {
    fs.closeSync(descriptor);
    throw error;
  }
}

/** Calls `use` with the descriptor of a file that is opened by {@link openPrivateFile}, and closed afterwards. */
export function usePrivateFile<T>(
  path: string,
  options: { owner: Owner; create?: boolean },
  use: (descriptor: number) => T,
): T {
  const descriptor = openPrivateFile(path, options);
  try {
    return use(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Makes a directory and those above it, with mode 0700. Syncs them: a power failure could remove a new one with the stored sign-in. */
export function makeDirectories(directory: string): void {
  const parent = dirname(directory);
  // A root that does not exist: Windows may lack the drive.
  if (parent === directory || fs.existsSync(directory)) return;
  // Node.js writes U+FFFD for bytes that are not UTF-8: the folder may be there, for example the working directory, and this is another one.
  if (directory.includes('\ufffd')) throw fileError(directory, notUtf8);
  makeDirectories(parent);
  changeDirectory(parent, () => {
    try {
      makePrivateDirectory(directory);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error; // EEXIST: another process was faster.
    }
  });
}

/** Makes one directory, with mode 0700 also where a umask such as 0177, which scripts set for secret files, takes away the right to enter. */
export function makePrivateDirectory(directory: string): void {
  fs.mkdirSync(directory, 0o700);
  if (process.platform === 'win32' || (fs.lstatSync(directory).mode & 0o700) === 0o700) return;
  // By a descriptor: another user may have put a link in its place.
  const { O_DIRECTORY, O_NOFOLLOW } = fs.constants;
  const descriptor = fs.openSync(directory, O_DIRECTORY | O_NOFOLLOW);
  try {
    fs.fchmodSync(descriptor, 0o700);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Removes a file, best effort: after a failure the file stays. */
export function removeIfThere(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch {
    // Best effort.
  }
}

/**
 * Calls `change`, then syncs the directory whose names it changes, so that they survive a power failure. A directory that cannot be opened
 * for the sync throws before `change`. Windows syncs by itself.
 */
export function changeDirectory(directory: string, change: () => void): void {
  const descriptor = process.platform === 'win32' ? undefined : fs.openSync(directory, 'r');
  try {
    change();
    if (descriptor !== undefined) fs.fsyncSync(descriptor);
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}
