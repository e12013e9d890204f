import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabaseFile } from '../database/database-file.ts';
import { readIfThere } from '../database/file-system.ts';

/** The longest app name, in bytes, that is part of a file's name. */
const maxNameBytes = 32;

/** The files of one lock, beside the database. They are there only while the lock is needed. */
export interface LockPaths {
  /** A process that has locked it has the lock. */
  readonly lock: string;
  /** A process that has locked it is the next to have the lock. */
  readonly gate: string;
  /** Says who has the lock, for the errors of those who wait: only the lock itself decides. */
  readonly holder: string;
}

/** An app name can be any string, so its files are named after its bytes in hex, or after their hash if there are many. */
export function lockPathsOf(databasePath: string, appName: string): LockPaths {
  const bytes = Buffer.from(appName);
  return pathsOf(`${databasePath}-lock-${bytes.length > maxNameBytes ? hashOf(bytes) : bytes.toString('hex')}`);
}

function hashOf(bytes: Uint8Array): string {
  // Loaded here, because few names need it: an import would add a tenth to the start of every program that reads a token.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `sha256-${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}`;
}

/** The locks of a database whose files are there now. The name is undefined if it is too long to be in the file's name. */
export function findLockPaths(databasePath: string): { paths: LockPaths; name: string | undefined }[] {
  const directory = dirname(databasePath);
  const prefix = `${basename(databasePath)}-lock-`;
  return listFiles(directory).flatMap((file) => {
    const [, hash, encoded] = /^(sha256-)?([0-9a-f]*)$/.exec(file.slice(prefix.length)) ?? [];
    if (!file.startsWith(prefix) || encoded === undefined) return [];
    const name = hash === undefined ? Buffer.from(encoded, 'hex').toString() : undefined;
    return [{ paths: pathsOf(join(directory, file)), name }];
  });
}

/** None if this user may not see which there are. */
function listFiles(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch {
    return [];
  }
}

function pathsOf(lock: string): LockPaths {
  return { lock, gate: `${lock}-gate`, holder: `${lock}-holder` };
}

/** Who has a lock. */
interface Holder {
  readonly pid: number;
  /** Epoch milliseconds. */
  readonly since: number;
}

export function readHolder(path: string): Holder | undefined {
  const [pid = 0, since = 0] = (readIfThere(path) ?? '').split(' ').map(Number);
  return pid > 0 ? { pid, since } : undefined;
}

/** Names this process. A failure is no error: then those who wait do not learn who has the lock. */
export function writeHolder(path: string, database: DatabaseFile): void {
  try {
    const descriptor = database.openBeside(path, fs.constants.O_TRUNC);
    try {
      fs.writeSync(descriptor, `${process.pid} ${Date.now()}`);
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    // See above.
  }
}

/** Call it only while this process holds the lock. A file that stays is used by the next caller. */
export function removeIfThere(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch {
    // See above.
  }
}
