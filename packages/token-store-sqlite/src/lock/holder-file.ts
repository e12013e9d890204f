import fs from 'node:fs';
import type { DatabaseFile } from '../database/database-file.ts';

/** Who has a lock. It stands in a file for the errors of those who wait: only the lock itself decides. */
export interface Holder {
  readonly pid: number;
  /** Epoch milliseconds. */
  readonly since: number;
}

export function readHolder(path: string): Holder | undefined {
  try {
    const [pid = 0, since = 0] = fs.readFileSync(path, 'utf8').split(' ').map(Number);
    return pid > 0 ? { pid, since } : undefined;
  } catch {
    return undefined;
  }
}

/** Names this process. A failure is no error: then those who wait do not learn who has the lock. */
export function writeHolder(path: string, database: DatabaseFile): void {
  try {
    const descriptor = database.openBeside(path, fs.constants.O_TRUNC);
    fs.writeSync(descriptor, `${process.pid} ${Date.now()}`);
    fs.closeSync(descriptor);
  } catch {
    // See above.
  }
}

/** Call it only while this process holds the lock. */
export function removeHolder(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch {
    // There is none.
  }
}
