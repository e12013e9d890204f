import { dirname } from 'node:path';
import { fileError, inspectFileSystem, type Owner, systemCode } from 'token-store-kit/files';
import { fs } from '../node-fs.ts';

/** How long the path of a folder of sockets may be: the system allows 103 bytes for a socket, or 107, and its name has up to 35. */
const maxPathBytes = 66;

/** What a file system without sockets answers, such as FAT. */
const noSockets = ['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS'];

/** A hexadecimal name for any text. */
export function hashOf(text: string, length: number): string {
  // Loaded here: an import would add a tenth to the start of every program that reads a token.
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex').slice(0, length);
}

/**
 * The folder with the locks of a file, which is there while a lock is needed. It is beside the file, so that every process finds the
 * same: services and containers may have another /tmp, network or environment.
 */
export class LockFolder {
  readonly owner: Owner;
  readonly #file: string;
  #path: string;
  #socketPath: string;

  /** @throws {TokenStoreError} STORE_OPEN on a network file system. */
  constructor(file: string, owner: Owner) {
    this.owner = owner;
    this.#file = file;
    this.#path = `${file}-locks`;
    this.#socketPath = this.#path;
    const { type, isNetwork } = inspectFileSystem(dirname(file));
    if (!isNetwork) return;
    const problem = `is on a network file system (${type}), where locks do not reach other computers`;
    throw fileError(file, ['STORE_OPEN', 'network-file-system', problem, 'Choose a file on a disk of this computer']);
  }

  /** Makes the folder, and a short name for it if sockets need one: a link in another folder leads to it. */
  make(): void {
    makePrivateFolder(this.#path, this.owner);
    if (Buffer.byteLength(this.#path) <= maxPathBytes) return;
    this.#socketPath = this.#makeShort('to');
    try {
      fs.symlinkSync(this.#path, this.#socketPath);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }

  /** If `error` says that the file system has no sockets, uses a folder on another one from now on. */
  leaveFileSystem(error: unknown): boolean {
    const isNeeded = noSockets.includes(systemCode(error) ?? '') && this.#path.startsWith(this.#file);
    if (!isNeeded) return false;
    this.removeIfEmpty();
    this.#path = this.#socketPath = this.#makeShort('of');
    return true;
  }

  list(): string[] {
    return fs.readdirSync(this.#path);
  }

  /** The path of a name in it. */
  at(name: string): string {
    return `${this.#path}/${name}`;
  }

  /** The same for a socket, whose path the system limits. */
  socketAt(name: string): string {
    return `${this.#socketPath}/${name}`;
  }

  /** A process that comes meanwhile makes it again. */
  removeIfEmpty(): void {
    try {
      fs.rmdirSync(this.#path);
    } catch {
      // Others use it.
    }
  }

  /** Not in TMPDIR, which differs between a shell and cron. */
  #makeShort(kind: string): string {
    const folder = `/tmp/token-store-file-${this.owner.uid}`;
    makePrivateFolder(folder, this.owner);
    return `${folder}/${kind}-${hashOf(this.#file, 16)}`;
  }
}

/** With mode 0700: what is in it, no other user has put there. */
function makePrivateFolder(path: string, owner: Owner): void {
  try {
    fs.mkdirSync(path, 0o700);
    if (process.geteuid?.() === 0) fs.lchownSync(path, owner.uid, owner.gid);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  const stats = fs.lstatSync(path);
  const isTrusted = [0, process.geteuid?.(), owner.uid].includes(stats.uid);
  if (stats.isDirectory() && isTrusted && (stats.mode & 0o077) === 0) return;
  const problem = `is not a folder that only its owner can enter (user ${stats.uid} has made it)`;
  throw fileError(path, ['STORE_OPEN', 'exposed', problem, 'Remove it']);
}
