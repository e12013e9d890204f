import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** The longest app name, in bytes, that is part of a file's name. */
const maxNameBytes = 32;

/** The files of one lock, beside the database. They are there only while the lock is needed. */
export interface LockPaths {
  /** A process that has locked it has the lock. */
  readonly lock: string;
  /** A process that has locked it is the next to have the lock. */
  readonly gate: string;
  /** Says who has the lock. */
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
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function pathsOf(lock: string): LockPaths {
  return { lock, gate: `${lock}-gate`, holder: `${lock}-holder` };
}
