import fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import type Database from 'better-sqlite3';
import { checkText } from 'token-store-kit';
import {
  creationError,
  type FileStats,
  fileError,
  fileFailures,
  findFile,
  makeDirectories,
  type Owner,
  openError,
  openPrivateFile,
  refusePlanted,
  removeIfThere,
  systemCode,
  usePrivateFile,
} from 'token-store-kit/files';

/**
 * All installed copies of this package share one driver in a process. Of several copies of SQLite, each would take the locks of the others
 * for its own.
 */
const driver = Symbol.for('token-store-sqlite.driver');
const shared = globalThis as { [driver]?: typeof Database };

/** Finds, makes and checks the file that SQLite opens, and connects to it or to files beside it. */
export class DatabaseFile {
  /** Without symbolic links, so that two names of one file share their locks. */
  readonly path: string;
  readonly stats: FileStats;
  /** Whether other users may make files beside it, or its folder is another user's: root may use the files of any user. */
  readonly #isShared: boolean;
  /** Whether this process has just made it. */
  readonly #isNew: boolean;
  /** Of a file that this process has just made, until {@link makePrivate} or {@link giveUp} closes it. */
  #descriptor: number | undefined;

  /** Finds the file, or makes it unless `readOnly`: empty, with mode 0600, in directories with mode 0700. */
  constructor(path: string, { readOnly }: { readOnly: boolean }) {
    checkPath(path);
    const absolute = resolve(path);
    let found = findFile(absolute);
    if (!found && readOnly) {
      const remedy = 'Nothing is stored there. Choose another file, or open it for writing';
      throw fileError(absolute, ['STORE_OPEN', 'missing', 'does not exist', remedy]);
    }
    if (!found) {
      this.#descriptor = create(absolute);
      try {
        found = findFile(absolute);
      } finally {
        // For example on NFS, where the file of root is another user's. Left behind, it would lock out the owner of the folder.
        if (!found && this.#descriptor !== undefined) {
          const made = fs.fstatSync(this.#descriptor);
          this.#close();
          // Another program may have put another file in its place.
          const now = fs.lstatSync(absolute, { throwIfNoEntry: false });
          if (made.size === 0 && made.ino === now?.ino) removeIfThere(absolute);
        }
      }
    }
    if (!found) throw fileError(absolute, fileFailures.danglingLink);
    checkPath(found.path); // A link may lead to a name that better-sqlite3 would trim.
    this.#isNew = this.#descriptor !== undefined;
    this.path = found.path;
    this.stats = found.stats;
    const { mode, uid } = fs.statSync(dirname(this.path));
    this.#isShared = process.platform !== 'win32' && ((mode & 0o022) !== 0 || ![0, process.geteuid?.()].includes(uid));
  }

  /**
   * Takes access away from all users but the owner. By descriptor, not by name: another user may have put a link there, which root would
   * follow. Closing a descriptor drops all locks that any thread of this process has on the file, and SQLite does not notice. So `sql`
   * first locks the file for this thread alone. The descriptor cannot stay open: Node.js closes it when the worker thread ends.
   */
  makePrivate(sql: Database.Database): void {
    const isExposed = (this.stats.mode & 0o077) !== 0 && process.platform !== 'win32';
    if (!isExposed && this.#descriptor === undefined) return;
    // In memory: nothing is written, so a journal file would have no use.
    sql.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    try {
      this.#descriptor ??= openPrivateFile(this.path, { owner: this.stats });
      this.#refuseOther(fs.fstatSync(this.#descriptor));
      if (isExposed) fs.fchmodSync(this.#descriptor, this.stats.mode & 0o600);
    } catch (error) {
      // On a read-only file system the mode cannot be changed, and the file cannot get new tokens.
      if (systemCode(error) === 'EROFS') return;
      if (systemCode(error) !== 'EPERM') throw error;
      const problem = `can be read by other users, and only its owner (user ${this.stats.uid}) can change that`;
      throw fileError(this.path, ['STORE_OPEN', 'exposed', problem, 'Choose another file'], error);
    } finally {
      this.#close();
      sql.exec('ROLLBACK');
    }
  }

  /**
   * Removes the file that this process has made, if nothing could be written into it, for example because the disk is full. Otherwise, the
   * next command would find a database. A process that has opened the file meanwhile gets the error `moved`. If another thread may have a
   * lock on the file, the descriptor stays open.
   */
  giveUp(sql: Database.Database | undefined): void {
    if (!this.#isNew) return;
    try {
      // In memory: a journal file would need space on the disk.
      sql?.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      const isEmpty = fs.statSync(this.path).size === 0;
      if (sql || isEmpty) this.#close();
      if (isEmpty) fs.unlinkSync(this.path);
    } catch {
      // Another process or thread uses the file, or it is still open on Windows, which then does not remove it.
    }
  }

  #close(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** SQLite's connection to the file, or to one beside it. */
  connect({ path = this.path, ...options }: { path?: string; timeout: number; readonly?: boolean }): Database.Database {
    shared[driver] ??= loadDriver(path);
    return new shared[driver](path, { fileMustExist: true, ...options });
  }

  /**
   * Throws STORE_OPEN if another file has the path by now. SQLite would read the old file, and notice only at a write. So a token would be
   * spent, or a person asked, in vain. Throws also if another user than the database's owner made the journal. SQLite would wait for a FIFO
   * for ever, also for one that a journal names, and would write into the database what such a journal says.
   */
  check(): void {
    this.#refuseOther(fs.statSync(this.path, { throwIfNoEntry: false }));
    if (!this.#isShared) return; // The two checks would cost as much as a read.
    for (const suffix of ['-journal', '-wal']) refusePlanted(this.path + suffix, this.stats);
    if (this.stats.uid === process.geteuid?.() || !isOfSeveral(`${this.path}-journal`, this.stats)) return;
    const problem = 'names a file of other databases, which this store does not use';
    // If a crash has left the journal, the database is damaged without it.
    const remedy = `Open the database once as user ${this.stats.uid}`;
    throw fileError(`${this.path}-journal`, ['STORE_OPEN', 'exposed', problem, remedy]);
  }

  #refuseOther(now: FileStats | undefined): void {
    const { dev, ino } = this.stats;
    if (now?.ino !== ino || now.dev !== dev) throw fileError(this.path, fileFailures.moved);
  }
}

/**
 * Loads the package only when a database is opened, not by an import: a program bundled into one file cannot contain native code, and has
 * to start without that.
 */
function loadDriver(path: string): typeof Database {
  try {
    // `createRequire` is not imported, because a bundle may already import that name for dependencies that use `require`. A bundle in
    // CommonJS has no `import.meta`.
    const { createRequire } = process.getBuiltinModule('node:module');
    const loaded: typeof Database = createRequire(import.meta.url ?? process.argv[1])('better-sqlite3');
    new loaded(':memory:').close(); // Only this loads the native code, which may be missing or for another system.
    return loaded;
  } catch (error) {
    const problem = 'the package better-sqlite3, which has native code, could not be loaded';
    const remedy = 'In the folder of this program, run: npm install better-sqlite3 (a bundle cannot contain it)';
    throw fileError(path, ['STORE_OPEN', 'no-native-code', problem, remedy], error);
  }
}

/** Whether a journal ends with the name of a file that has the names of other databases' journals. SQLite would open that. */
function isOfSeveral(journal: string, owner: Owner): boolean {
  try {
    return usePrivateFile(journal, { owner }, (descriptor) => {
      const end = Buffer.alloc(8);
      fs.readSync(descriptor, end, { position: Math.max(0, fs.fstatSync(descriptor).size - 8) });
      return end.toString('hex') === 'd9d505f920a163d7';
    });
  } catch {
    return false; // There is none, or SQLite cannot read it either.
  }
}

/** The descriptor of the new file. Undefined if another process was faster. */
function create(path: string): number | undefined {
  try {
    makeDirectories(dirname(path));
  } catch (error) {
    if (systemCode(error) === 'EACCES') throw fileError(path, fileFailures.noDirectory, error);
    throw openError(path, error);
  }
  try {
    return fs.openSync(path, 'wx', 0o600);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw creationError(path, error);
    return undefined;
  }
}

/** Throws TypeError if it cannot be the name of a file. */
function checkPath(path: unknown): void {
  checkText(path, 'path');
  if (path === '' || path.includes('\0')) throw new TypeError('path must be the name of a file');
  // better-sqlite3 trims names, and would open another file.
  if (path !== path.trimEnd()) throw new TypeError('path must not end with a space');
  if (/^(:memory:$|file:)/.test(path)) throw new TypeError('path must be the name of a file, not :memory: or a URL');
}
