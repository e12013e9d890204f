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
  openError,
  openPrivateFile,
  refusePlanted,
  systemCode,
} from 'token-store-kit/files';

/**
 * The driver is shared by all copies of this package that are installed in the program: each copy of SQLite in a process would take the
 * locks of the other ones for its own.
 */
const driver = Symbol.for('token-store-sqlite.driver');
const shared = globalThis as { [driver]?: typeof Database };

/** The file that SQLite opens, and the place for files beside it. */
export class DatabaseFile {
  /** Without symbolic links, so that two names of one file share their locks. */
  readonly path: string;
  readonly stats: FileStats;
  /** Whether other users may make files beside it. */
  readonly #isShared: boolean;
  /** Whether this process has just made it. */
  readonly #isNew: boolean;
  /** Of a file that this process has just made, until {@link makePrivate} closes it. */
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
      found = findFile(absolute);
    }
    if (!found) throw fileError(absolute, fileFailures.danglingLink);
    this.#isNew = this.#descriptor !== undefined;
    this.path = found.path;
    this.stats = found.stats;
    this.#isShared = process.platform !== 'win32' && (fs.statSync(dirname(this.path)).mode & 0o022) !== 0;
  }

  /**
   * Takes access away from all users but the owner. Not by name: another user may have put a link there, which root would follow.
   * `sql` has it open, and locks it for this thread alone: to close a descriptor drops all locks that any thread of this process has on the
   * file, and SQLite does not notice. Left open, Node.js would close it at the end of the worker thread that has opened it.
   */
  makePrivate(sql: Database.Database): void {
    const isExposed = (this.stats.mode & 0o077) !== 0 && process.platform !== 'win32';
    if (!isExposed && this.#descriptor === undefined) return;
    // Nothing is written, so a journal would be one more file without a use.
    sql.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    try {
      this.#descriptor ??= openPrivateFile(this.path, { owner: this.stats });
      this.#refuseOther(fs.fstatSync(this.#descriptor));
      if (isExposed) fs.fchmodSync(this.#descriptor, this.stats.mode & 0o600);
    } catch (error) {
      // On a read-only file system the mode cannot be changed, and the file cannot get new tokens.
      if (systemCode(error) === 'EROFS') return;
      if (systemCode(error) !== 'EPERM') throw error;
      const problem = `can be read by other users, and belongs to user ${this.stats.uid}, so that this user cannot change it`;
      throw fileError(this.path, ['STORE_OPEN', 'exposed', problem, 'Choose another file'], error);
    } finally {
      this.#close();
      sql.exec('ROLLBACK');
    }
  }

  /**
   * Removes the file that this process has made, if nothing could be written into it, for example because the disk is full. Otherwise, the
   * next command would find a database. A process that has opened it meanwhile hears that it was moved. If another thread may have a lock
   * on it, the descriptor stays.
   */
  giveUp(sql: Database.Database | undefined): void {
    if (!this.#isNew) return;
    try {
      // A journal would need a place on the disk.
      sql?.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      const isEmpty = fs.statSync(this.path).size === 0;
      if (sql || isEmpty) this.#close();
      if (isEmpty) fs.unlinkSync(this.path);
    } catch {
      // Another one uses it, or Windows, which does not remove a file that is open.
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
   * Throws STORE_OPEN if another file has the path by now: SQLite reads the old one, and notices it only at a write. So a token would be
   * spent, or a person asked, in vain. And if the journal is not one of the database's owner: SQLite would wait for a FIFO for ever, and
   * write into the database what another user's journal says.
   */
  check(): void {
    this.#refuseOther(fs.statSync(this.path, { throwIfNoEntry: false }));
    if (!this.#isShared) return; // Two looks would cost as much as a read.
    for (const suffix of ['-journal', '-wal']) refusePlanted(this.path + suffix, this.stats);
  }

  #refuseOther(now: FileStats | undefined): void {
    const { dev, ino } = this.stats;
    if (now?.ino !== ino || now.dev !== dev) throw fileError(this.path, fileFailures.moved);
  }
}

/**
 * Not by an import: a program in one file cannot have native code in it, and has to start without it. It needs the package only when it
 * opens a database.
 */
function loadDriver(path: string): typeof Database {
  try {
    // Not imported, because a bundle may begin with an import of the same name, for dependencies that use `require`. As CommonJS, it
    // has no `import.meta`.
    const { createRequire } = process.getBuiltinModule('node:module');
    return createRequire(import.meta.url ?? process.argv[1])('better-sqlite3');
  } catch (error) {
    const problem = 'the package better-sqlite3, which has native code, could not be loaded';
    const remedy = 'Install it where this program finds it: it cannot be part of a bundle';
    throw fileError(path, ['STORE_OPEN', 'no-native-code', problem, remedy], error);
  }
}

/** The descriptor of the new file. Undefined if another process was faster. */
function create(path: string): number | undefined {
  try {
    makeDirectories(dirname(path));
  } catch (error) {
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
