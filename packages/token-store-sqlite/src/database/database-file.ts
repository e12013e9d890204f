import fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { checkText } from 'token-store-kit';
import { creationError, fileError, openError, systemCode } from './file-error.ts';

/** The file that SQLite opens, and the place for files beside it. */
export class DatabaseFile {
  /** Without symbolic links, so that two names of one file share their locks. */
  readonly path: string;
  readonly stats: fs.Stats;
  /** Whether other users may make files beside it. */
  readonly #isShared: boolean;

  constructor(path: string, stats: fs.Stats) {
    this.path = path;
    this.stats = stats;
    this.#isShared = process.platform !== 'win32' && (fs.statSync(dirname(path)).mode & 0o022) !== 0;
  }

  /** Finds the file, or makes it unless `readOnly`: empty, with mode 0600, in directories with mode 0700. */
  static find(path: string, { readOnly = false }: { readOnly?: boolean } = {}): DatabaseFile {
    const absolute = resolve(path);
    const present = find(absolute);
    if (present) return present;
    if (readOnly) {
      const remedy = 'Nothing is stored there. Choose another file, or open it for writing';
      throw fileError(absolute, ['STORE_OPEN', 'missing', 'does not exist', remedy]);
    }
    create(absolute);
    const made = find(absolute);
    if (made) return made;
    const problem = 'is a symbolic link to a file that does not exist';
    const remedy = 'Remove the link, or make the file it points to';
    throw fileError(absolute, ['STORE_OPEN', 'not-a-file', problem, remedy]);
  }

  /**
   * Takes access away from all users but the owner. Changes the mode by name: closing any descriptor of a file drops
   * the locks that SQLite has on it in this process.
   */
  makePrivate(): void {
    const { mode, uid } = this.stats;
    if ((mode & 0o077) === 0 || process.platform === 'win32') return;
    try {
      fs.chmodSync(this.path, mode & 0o600);
    } catch (error) {
      // On a read-only file system the mode cannot be changed, and the file cannot get new tokens.
      if (systemCode(error) === 'EROFS') return;
      const problem = `can be read by other users, and belongs to user ${uid}, so that this user cannot change it`;
      throw fileError(this.path, ['STORE_OPEN', 'exposed', problem, 'Choose another file'], error);
    }
  }

  /** SQLite's connection to the file, or to one beside it. */
  connect({ path = this.path, ...options }: { path?: string; timeout: number; readonly?: boolean }): Database.Database {
    return new Database(path, { fileMustExist: true, ...options });
  }

  /**
   * Opens a file in the same directory to read it, or, with `create`, to write it: a new one has mode 0600. Never waits, follows no
   * symbolic link, and refuses what another user may have planted. A file that root makes is given to the database's owner,
   * who could not use it otherwise.
   */
  openBeside(path: string, { create = false }: { create?: boolean } = {}): number {
    const { O_RDONLY, O_RDWR, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
    this.refusePlanted(path);
    const descriptor = fs.openSync(path, (create ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK, 0o600);
    try {
      this.refusePlanted(path, fs.fstatSync(descriptor)); // It may have been planted since then.
      if (create && process.geteuid?.() === 0) fs.fchownSync(descriptor, this.stats.uid, this.stats.gid);
      return descriptor;
    } catch (error) {
      fs.closeSync(descriptor);
      throw error;
    }
  }

  /**
   * Throws STORE_OPEN if the journal is not one of the database's owner: SQLite would wait for a FIFO for ever, and write into the
   * database what another user's journal says.
   */
  checkJournals(): void {
    if (!this.#isShared) return; // Two looks would cost as much as a read.
    for (const suffix of ['-journal', '-wal']) this.refusePlanted(this.path + suffix);
  }

  /** Throws STORE_OPEN for what another user may have put beside the database: no file, one of another user, or a hard link. */
  refusePlanted(path: string, stats = fs.lstatSync(path, { throwIfNoEntry: false })): void {
    const trusted = [0, process.geteuid?.(), this.stats.uid];
    if (!stats || (stats.isFile() && stats.nlink <= 1 && trusted.includes(stats.uid))) return;
    const problem = `is not one of this database's files (user ${stats.uid} has made it)`;
    const remedy = 'Remove it, and keep the database in a folder that only you can write';
    throw fileError(path, ['STORE_OPEN', 'exposed', problem, remedy]);
  }
}

function find(path: string): DatabaseFile | undefined {
  try {
    const real = fs.realpathSync.native(path);
    const stat = fs.statSync(real);
    if (stat.isFile()) {
      refuseUntrusted(path, real, stat);
      return new DatabaseFile(real, stat);
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw openError(path, error);
  }
  throw fileError(path, ['STORE_OPEN', 'not-a-file', 'is not a file', 'Choose the name of a file']);
}

/** `given` is the path before its symbolic links were followed. */
function refuseUntrusted(given: string, path: string, { uid, nlink }: fs.Stats): void {
  if (nlink > 1) {
    const problem = `has ${nlink} names (hard links), each of which would have its own locks and journal`;
    const remedy = 'Remove the other names, or use a copy of the file';
    throw fileError(path, ['STORE_OPEN', 'linked', problem, remedy]);
  }
  // root can use every user's files, also one that was put where root was going to make its own.
  const isPublic = (path: string): boolean => (fs.statSync(dirname(path)).mode & 0o002) !== 0;
  if (uid === 0 || uid === process.geteuid?.() || ![given, path].some(isPublic)) return;
  const problem = `belongs to user ${uid}, who may have put it into a folder that everyone can write`;
  throw fileError(path, ['STORE_OPEN', 'exposed', problem, 'Choose another file']);
}

function create(path: string): void {
  try {
    makeDirectories(dirname(path));
  } catch (error) {
    throw openError(path, error);
  }
  try {
    keepOpen(fs.openSync(path, 'wx', 0o600));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw creationError(path, error); // EEXIST: another process was faster.
  }
}

/**
 * Descriptors of files that this process has made. To close one would drop the locks of another thread that has opened the new
 * file through SQLite already. So they stay open until the process makes another file after theirs was deleted.
 */
let keptOpen: number[] = [];

function keepOpen(descriptor: number): void {
  keptOpen = [...keptOpen, descriptor].filter((kept) => {
    if (process.platform !== 'win32' && fs.fstatSync(kept).nlink > 0) return true;
    fs.closeSync(kept);
    return false;
  });
}

/** Syncs them, or a power failure could take away a new directory with the sign-in in it. SQLite syncs its own files. */
function makeDirectories(directory: string): void {
  if (fs.existsSync(directory)) return;
  const parent = dirname(directory);
  makeDirectories(parent);
  try {
    fs.mkdirSync(directory, 0o700);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error; // EEXIST: another process was faster.
  }
  if (process.platform === 'win32') return;
  const descriptor = fs.openSync(parent, 'r');
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
}

/** Throws TypeError if it cannot be the name of a file. */
export function checkPath(path: unknown): void {
  checkText(path, 'path');
  if (path === '' || path.includes('\0')) throw new TypeError('path must be the name of a file');
  // better-sqlite3 trims names, and would open another file.
  if (path !== path.trimEnd()) throw new TypeError('path must not end with a space');
  if (path === ':memory:' || path.startsWith('file:')) {
    throw new TypeError(`path must be the name of a file, not ${path === ':memory:' ? path : 'a URL'}`);
  }
}
