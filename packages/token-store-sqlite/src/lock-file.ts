import * as fs from 'node:fs';
import Database from 'better-sqlite3';
import { creationError, type DatabaseFile } from './database-file.ts';
import { openBeside } from './open-beside.ts';
import { sqliteCode } from './token-store-error.ts';

/** Why a descriptor is kept: closing one drops the locks that this process, in whichever thread, has on its file. */
const descriptors = new Map<string, number>();

/**
 * An empty file that one process at a time has locked, through SQLite, which knows how to on every system. The kernel
 * lets go of the lock when the process ends, so there is no lease, no heartbeat and no clock. The file is there only
 * while somebody needs it.
 */
export class LockFile {
  readonly #path: string;
  readonly #database: DatabaseFile;
  #connection: Database.Database | undefined;

  constructor(path: string, database: DatabaseFile) {
    this.#path = path;
    this.#database = database;
  }

  /** Returns at once. @throws {TokenStoreError} where the file cannot be made or locked at all. */
  tryLock(): boolean {
    for (;;) {
      try {
        const descriptor = this.#pin();
        this.#connection ??= connect(this.#path);
        this.#connection.exec('BEGIN EXCLUSIVE');
        // Whoever had the lock may have removed the file, and others lock another one under the same name by now.
        // As long as the pinned file has a name, it is this file that SQLite opened, because it was pinned before.
        if (fs.fstatSync(descriptor).nlink > 0) return true;
        this.close();
      } catch (error) {
        if (sqliteCode(error)?.startsWith('SQLITE_BUSY')) return false;
        this.close();
        if (sqliteCode(error) !== 'SQLITE_CANTOPEN' || fs.existsSync(this.#path))
          throw creationError(this.#path, error);
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

  /** A descriptor of the file that has this name now, which keeps the file's identity from being used anew. */
  #pin(): number {
    closeUnnamed();
    const known = descriptors.get(this.#path);
    if (known !== undefined) return known;
    this.#connection?.close();
    this.#connection = undefined;
    const descriptor = openBeside(this.#database, this.#path, 0);
    descriptors.set(this.#path, descriptor);
    return descriptor;
  }
}

/** A file without a name can have no lock that counts. */
function closeUnnamed(): void {
  for (const [path, descriptor] of descriptors) {
    if (fs.fstatSync(descriptor).nlink > 0) continue;
    descriptors.delete(path);
    fs.closeSync(descriptor);
  }
}

function connect(path: string): Database.Database {
  const connection = new Database(path, { timeout: 0, fileMustExist: true });
  connection.exec('PRAGMA journal_mode = MEMORY'); // nothing is ever written, so a journal would only lie about
  return connection;
}
