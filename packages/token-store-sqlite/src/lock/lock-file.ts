import fs from 'node:fs';
import type Database from 'better-sqlite3';
import { creationError, removeIfThere, systemCode } from 'token-store-kit/files';
import type { DatabaseFile } from '../database/database-file.ts';
import { toTokenStoreError } from '../database/file-error.ts';

/**
 * Lock files that this process keeps open, so that no other file can get their inode number. They stay open as long as they have
 * their name: closing one drops the locks that all threads of this process have on the file.
 */
const pins = new Map<string, { readonly descriptor: number }>();

/**
 * An empty file that one process at a time has locked, by SQLite, which knows how to lock on every system. The kernel releases
 * the lock when the process ends, so there is no lease, no heartbeat and no clock. The file exists only while it is needed.
 */
export class LockFile {
  readonly #path: string;
  readonly #database: DatabaseFile;
  #connection: Database.Database | undefined;
  /** Of the file that the connection has opened. */
  #pin: object | undefined;

  constructor(path: string, database: DatabaseFile) {
    this.#path = path;
    this.#database = database;
  }

  /** Returns at once. @throws {TokenStoreError} if the file cannot be made, or cannot be locked at all. */
  tryLock(): boolean {
    for (;;) {
      try {
        const pin = this.#reopen();
        // Nothing is ever written, so a journal would be one more file without a use.
        this.#connection?.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
        // The previous holder may have removed the file, and others may have locked a new one under the same name. It was pinned
        // before SQLite opened it: as long as the pinned file has a name, it is the one that SQLite has.
        closeUnnamed();
        if (pins.get(this.#path) === pin) return true;
        this.close();
      } catch (error) {
        const code = systemCode(error);
        if (code?.startsWith('SQLITE_BUSY')) return false;
        this.close();
        // The file may have been removed between the two openings, and made again: the next round opens that. If the pinned file has
        // lost its name, close() has dropped the pin.
        const isGone = code === 'SQLITE_CANTOPEN' && (!pins.has(this.#path) || !fs.existsSync(this.#path));
        if (!isGone) throw creationError(this.#path, toTokenStoreError(this.#path, error));
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

  /** Releases the lock, if this has it. */
  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
    closeUnnamed();
  }

  /** Pins the file that has this name now, and connects to it, unless both were done before. */
  #reopen(): object {
    closeUnnamed();
    let pin = pins.get(this.#path);
    if (!pin) {
      pin = { descriptor: this.#database.openBeside(this.#path, { create: true }) };
      pins.set(this.#path, pin);
    }
    if (this.#connection && this.#pin === pin) return pin;
    this.#connection?.close();
    this.#connection = this.#database.connect({ path: this.#path, timeout: 0 });
    this.#pin = pin;
    return pin;
  }
}

/** A lock on a file without a name does not count any more. */
function closeUnnamed(): void {
  for (const [path, { descriptor }] of pins) {
    if (fs.fstatSync(descriptor).nlink > 0) continue;
    pins.delete(path);
    fs.closeSync(descriptor);
  }
}
