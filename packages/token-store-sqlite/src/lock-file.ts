import Database from 'better-sqlite3';
import { creationError, type DatabaseFile } from './database-file.ts';
import { openBeside } from './open-beside.ts';
import { sqliteCode } from './token-store-error.ts';

const fs = process.getBuiltinModule('node:fs');

/** A file that is kept open, so that no other file can take its identity. */
interface Pin {
  readonly descriptor: number;
}

/** Pins stay as long as their files: closing one drops the locks that this process, in whichever thread, has on the file. */
const pins = new Map<string, Pin>();

/**
 * An empty file that one process at a time has locked, through SQLite, which knows how to on every system. The kernel
 * lets go of the lock when the process ends, so there is no lease, no heartbeat and no clock. The file is there only
 * while somebody needs it.
 */
export class LockFile {
  readonly #path: string;
  readonly #database: DatabaseFile;
  #connection: Database.Database | undefined;
  /** What was pinned when the connection was opened. */
  #pin: Pin | undefined;

  constructor(path: string, database: DatabaseFile) {
    this.#path = path;
    this.#database = database;
  }

  /** Returns at once. @throws {TokenStoreError} where the file cannot be made or locked at all. */
  tryLock(): boolean {
    for (;;) {
      try {
        const pin = this.#reopen();
        // Nothing is ever written, so a journal would be a file more and no use.
        this.#connection?.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
        // Whoever had the lock may have removed the file, and others lock another one under the same name by now.
        // As long as the pinned file has a name, it is this file that SQLite opened, because it was pinned before.
        closeUnnamed();
        if (pins.get(this.#path) === pin) return true;
        this.close();
      } catch (error) {
        if (sqliteCode(error)?.startsWith('SQLITE_BUSY')) return false;
        this.close();
        // The file may have gone between the two openings. That is no error: the next round makes another.
        const gone = sqliteCode(error) === 'SQLITE_CANTOPEN' && !fs.existsSync(this.#path);
        if (!gone) throw creationError(this.#path, error);
      }
    }
  }

  /** Lets go of the lock, and takes the file away: call it only with the lock. */
  remove(): void {
    // A file that SQLite has open cannot be removed on Windows. Elsewhere it must be removed before others can lock it.
    if (process.platform === 'win32') this.close();
    try {
      fs.unlinkSync(this.#path);
    } catch {
      // It is empty, and the next caller uses it.
    }
    this.close();
  }

  /** Lets go of the lock where there is one. */
  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
    closeUnnamed();
  }

  /** Pins the file that has this name now, and connects to it unless that was done before. */
  #reopen(): Pin {
    closeUnnamed();
    let pin = pins.get(this.#path);
    if (!pin) {
      pin = { descriptor: openBeside(this.#database, this.#path, 0) };
      pins.set(this.#path, pin);
    }
    if (this.#connection && this.#pin === pin) return pin;
    this.#connection?.close();
    this.#connection = new Database(this.#path, { timeout: 0, fileMustExist: true });
    this.#pin = pin;
    return pin;
  }
}

/** A file without a name can have no lock that counts. */
function closeUnnamed(): void {
  for (const [path, { descriptor }] of pins) {
    if (fs.fstatSync(descriptor).nlink > 0) continue;
    pins.delete(path);
    fs.closeSync(descriptor);
  }
}
