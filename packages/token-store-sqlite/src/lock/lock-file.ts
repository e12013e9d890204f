import fs from 'node:fs';
import type Database from 'better-sqlite3';
import {
  creationError,
  fileError,
  refusePlanted,
  removeIfThere,
  systemCode,
  usePrivateFile,
} from 'token-store-kit/files';
import type { DatabaseFile } from '../database/database-file.ts';
import { toTokenStoreError } from '../database/file-error.ts';
import { newDraftPath } from './lock-paths.ts';

/**
 * An empty file that one process at a time locks through SQLite, which can lock on every system. The kernel releases the lock when
 * the process ends, so there is no lease, no heartbeat and no clock. The file exists only while it is needed.
 */
export class LockFile {
  readonly #path: string;
  readonly #database: DatabaseFile;
  #connection: Database.Database | undefined;
  /** The file that the connection has opened: see `#identify`. */
  #opened: string | undefined;

  constructor(path: string, database: DatabaseFile) {
    this.#path = path;
    this.#database = database;
  }

  /** Returns at once. @throws {TokenStoreError} if the file cannot be made, or cannot be locked at all. */
  tryLock(): boolean {
    for (;;) {
      try {
        this.#reopen();
        // Without a journal file, because the write is never committed. SQLite refuses the write if it could open the file only for
        // reading: then its lock is one that other processes can have as well.
        this.#connection?.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; PRAGMA user_version = 0');
        // The previous holder may have removed the file, and others may have locked a new one under the same name. No file gets the name
        // twice. So if one file had the name before SQLite opened it, and has it now, SQLite has opened and locked that file.
        if (this.#identify() === this.#opened) return true;
      } catch (error) {
        const code = systemCode(error);
        if (code?.startsWith('SQLITE_BUSY')) return false;
        // The file may have been removed before SQLite opened it, or another process has made one: the next round opens the new file.
        const isGone = code === 'EEXIST' || (code === 'SQLITE_CANTOPEN' && this.#identify() !== this.#opened);
        if (isGone) continue;
        // If the database's folder was moved, this says so.
        if (code === 'ENOENT' || code === 'ENOTDIR') this.#database.check();
        throw toTokenStoreError(this.#path, creationError(this.#path, error));
      }
    }
  }

  /** Removes the file and releases the lock. Call it only while this process holds the lock. */
  remove(): void {
    // On Windows a file that SQLite has open cannot be removed. Elsewhere it must be removed before others can lock it.
    if (process.platform === 'win32') this.close();
    removeIfThere(this.#path);
    this.close();
  }

  /** Releases the lock, if it is held. */
  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Connects to the file that has this name now, unless that was done before. */
  #reopen(): void {
    let file = this.#identify();
    while (file === undefined) {
      this.#make();
      file = this.#identify();
    }
    if (this.#connection && this.#opened === file) return;
    this.#connection?.close();
    this.#opened = file;
    this.#connection = this.#database.connect({ path: this.#path, timeout: 0 });
  }

  /** Differs for each file that has had this name. Undefined if there is none now. */
  #identify(): string | undefined {
    const stats = fs.lstatSync(this.#path, { throwIfNoEntry: false });
    if (!stats) return undefined;
    // `#make` gives the file a second name (hard link) for a moment, which is harmless: SQLite cannot spoil an empty file.
    if (stats.size === 0) stats.nlink = 1;
    refusePlanted(this.#path, this.#database.stats, stats);
    if (stats.size === 0) return `${stats.ino} ${stats.mtimeMs}`;
    // A database of a user. SQLite would open its journal, and for a FIFO root would wait for ever.
    const problem = 'is not a lock of this store, because it is not empty';
    throw fileError(this.#path, ['STORE_OPEN', 'exposed', problem, 'Remove it']);
  }

  /**
   * Makes the file, unless another caller is faster. The file gets its name only after it was closed: to close a file drops all locks that
   * any thread of this process has on it. Node.js also closes what a worker thread has opened when that thread ends. From then on, only
   * SQLite opens the file, because SQLite knows the locks of all threads.
   */
  #make(): void {
    const own = newDraftPath(this.#path);
    // A later file may get the same inode number, but not the same time.
    const stamp = process.getBuiltinModule('node:crypto').randomInt(2 ** 31);
    usePrivateFile(own, { owner: this.#database.stats, create: true }, (descriptor) => {
      fs.futimesSync(descriptor, stamp, stamp);
    });
    try {
      fs.linkSync(own, this.#path);
    } catch (error) {
      // Another process has made the lock, or removed the draft.
      if (['EEXIST', 'ENOENT'].includes(systemCode(error) ?? '')) return;
      // The file system has no hard links. On it, another thread could lock the file just before it is closed, and lose the lock.
      fs.closeSync(fs.openSync(this.#path, 'wx', 0o600));
    } finally {
      removeIfThere(own);
    }
  }
}
