import { dirname } from 'node:path';
import { hashOf } from 'token-store-kit';
import {
  fileError,
  inspectFileSystem,
  makePrivateDirectory,
  type Owner,
  openError,
  systemCode,
} from 'token-store-kit/files';
import { fs } from '../node-fs.ts';
import type { TokenFile } from '../token-file.ts';

/** Longest path of the folder, in bytes: the system allows 103 or 107 for a socket's path, and the socket's name takes up to 34. */
const maxPathBytes = 68;

/** The errors of a file system without sockets, such as FAT. */
const noSockets: readonly unknown[] = ['EPERM', 'ENOTSUP', 'ENOSYS'];

/**
 * The folder with the locks of a file. It exists only while a lock is needed. It is beside the file, so that every process finds the
 * same folder: services and containers may have another /tmp, network or environment.
 */
export class LockFolder {
  readonly file: TokenFile;
  #path: string;
  /** Looked up once: a computer may have so many mounts that each look-up takes milliseconds. */
  #fileSystem: ReturnType<typeof inspectFileSystem> | undefined;

  constructor(file: TokenFile) {
    this.file = file;
    this.#path = `${file.path}-locks`;
    if (this.#isLong && process.platform !== 'linux') this.#path = this.#pathInTmp;
  }

  /** @throws {TokenStoreError} STORE_OPEN on a network file system. */
  make(): void {
    const { path } = this.file;
    this.file.refuseOtherFolder();
    this.#fileSystem ??= inspectFileSystem(dirname(path));
    const { type, isNetwork } = this.#fileSystem;
    if (isNetwork) {
      const problem = `is on a network file system (${type}), where locks do not reach other computers`;
      const remedy = 'Choose a file on a disk of this computer';
      throw fileError(path, ['STORE_OPEN', 'network-file-system', problem, remedy]);
    }
    if (this.#path === this.#pathInTmp) makePrivateFolder(dirname(this.#path), this.file.owner);
    const uid = makePrivateFolder(this.#path, this.file.owner);
    // Root was killed before it gave the folder to its owner. If not, root makes another one, as this process does.
    if (uid === 0 && this.file.owner.uid !== 0) this.removeIfEmpty();
  }

  /** If `error` means that the file system has no sockets, uses a folder in /tmp from now on. Else returns false. */
  leaveFileSystem(error: unknown): boolean {
    if (this.#path === this.#pathInTmp || !noSockets.includes(systemCode(error))) return false;
    this.removeIfEmpty();
    this.#path = this.#pathInTmp;
    return true;
  }

  /** The names in the folder. None if it does not exist. */
  list(): string[] {
    try {
      return fs.readdirSync(this.#path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw openError(this.#path, error);
    }
  }

  /** The path of a name in the folder. */
  at(name: string): string {
    return `${this.#path}/${name}`;
  }

  /** Calls `use` with a path for this name that is short enough for a socket. It is valid until the promise of `use` settles. */
  async withSocket<T>(name: string, use: (path: string) => Promise<T>): Promise<T> {
    if (!this.#isLong) return use(this.at(name));
    const descriptor = fs.openSync(this.#path, 'r');
    try {
      return await use(`/proc/self/fd/${descriptor}/${name}`);
    } finally {
      fs.closeSync(descriptor);
    }
  }

  /** Gives a socket that root has made to the owner of the file. */
  giveToOwner(name: string): void {
    giveToOwner(this.at(name), this.file.owner, (path) => fs.statSync(path).isSocket());
  }

  /** Removes the folder, best effort. A process that needs it makes it again. */
  removeIfEmpty(): void {
    try {
      fs.rmdirSync(this.#path);
    } catch {
      // Other processes use it.
    }
  }

  /** Whether its sockets need a shorter path. */
  get #isLong(): boolean {
    return Buffer.byteLength(this.#path) > maxPathBytes;
  }

  /** Not in TMPDIR, which differs between a shell and cron. */
  get #pathInTmp(): string {
    return `/tmp/token-store-file-${this.file.owner.uid}/${hashOf(this.file.path, 16)}`;
  }
}

/** O_PATH, for which Node has no constant: opens even a socket, without any effect on it. */
const pathOnly = 0o10000000;

/**
 * Gives what root has made in a folder of `owner` to that user, who could rename another file of root's in this folder to the same path.
 * `isMade` checks that the path has what root made. On Linux, check and gift apply to the same file, even if the path changes meanwhile.
 */
function giveToOwner(path: string, { uid, gid }: Owner, isMade: (path: string) => boolean): void {
  if (process.geteuid?.() !== 0 || uid === 0) return;
  if (process.platform !== 'linux') {
    if (isMade(path)) fs.lchownSync(path, uid, gid);
    return;
  }
  const descriptor = fs.openSync(path, pathOnly | fs.constants.O_NOFOLLOW);
  const pinned = `/proc/self/fd/${descriptor}`;
  try {
    if (isMade(pinned)) fs.chownSync(pinned, uid, gid);
  } finally {
    fs.closeSync(descriptor);
  }
}

function isEmptyOfRoot(path: string): boolean {
  const stats = fs.statSync(path);
  return stats.uid === 0 && stats.isDirectory() && fs.readdirSync(path).length === 0;
}

/** Makes the folder, or checks the existing one: no other user can have put anything into it. Returns whose it is. */
function makePrivateFolder(path: string, owner: Owner): number {
  try {
    makePrivateDirectory(path);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  // Also one that was there: in /tmp, a user could not remove what a root process left that was killed before it gave it.
  giveToOwner(path, owner, isEmptyOfRoot);
  const stats = fs.lstatSync(path);
  const isTrusted = [0, process.geteuid?.(), owner.uid].includes(stats.uid);
  // FAT has no modes, and shows 0755.
  if (stats.isDirectory() && isTrusted && (stats.mode & 0o022) === 0) return stats.uid;
  const problem = `is not a folder that only its owner can write (user ${stats.uid} has made it)`;
  throw fileError(path, ['STORE_OPEN', 'exposed', problem, 'Remove it']);
}
