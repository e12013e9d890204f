import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hashOf } from 'token-store-kit';
import { ownNamespace, removeIfThere, usePrivateFile } from 'token-store-kit/files';
import type { DatabaseFile } from '../database/database-file.ts';

const hashLength = 32;

/** The files of one lock, beside the database. They are there only while the lock is needed. */
export interface LockPaths {
  /** The process that has locked this file has the lock. */
  readonly lock: string;
  /** The process that has locked this file gets the lock next. */
  readonly gate: string;
  /** Names the lock holder, as information for waiting processes. Only the lock itself decides. */
  readonly holder: string;
}

/** An app name can be any string, so its files are named after its hash. */
export function lockPathsOf(databasePath: string, appName: string): LockPaths {
  return pathsOf(`${databasePath}-lock-${hashOf(appName, hashLength)}`);
}

/** The locks of a database that have files now. */
export function findLockPaths(databasePath: string): LockPaths[] {
  const prefix = `${basename(databasePath)}-lock-`;
  const isLock = (file: string): boolean => file.startsWith(prefix) && file.length === prefix.length + hashLength;
  return findFiles(dirname(databasePath), isLock).map(pathsOf);
}

/** For a file that has this path only for a moment. Without the database's name, which may already be as long as the system allows. */
export function newDraftPath(databasePath: string): string {
  // Loaded here, as in `hashOf` of token-store-kit.
  return join(dirname(databasePath), `token-store-sqlite-${process.getBuiltinModule('node:crypto').randomUUID()}`);
}

/** Removes the drafts of processes that were killed while they made a lock. A process that makes a lock right now begins again. */
export function removeDrafts(databasePath: string): void {
  const isDraft = (file: string): boolean => /^token-store-sqlite-[\da-f-]{36}$/.test(file);
  for (const draft of findFiles(dirname(databasePath), isDraft)) removeIfThere(draft);
}

/** Empty if this user may not list the directory. */
function findFiles(directory: string, isWanted: (file: string) => boolean): string[] {
  try {
    const files = fs.readdirSync(directory).filter(isWanted);
    return files.map((file) => join(directory, file));
  } catch {
    return [];
  }
}

function pathsOf(lock: string): LockPaths {
  return { lock, gate: `${lock}-gate`, holder: `${lock}-holder` };
}

/** The holder of a lock: `since` when, in epoch milliseconds, and for which app name. */
interface Holder {
  /** Undefined if the holder runs in another container than this process: here, any process could have the same number. */
  readonly pid: number | undefined;
  readonly since: number;
  readonly name: string;
}

/**
 * Undefined if there is no such file, if this user may not read the file, or if it is not one of ours. The file of a killed process stays
 * until the lock is acquired again.
 */
export function readHolder(path: string, database: DatabaseFile): Holder | undefined {
  try {
    const text = usePrivateFile(path, { owner: database.stats }, (descriptor) => fs.readFileSync(descriptor, 'utf8'));
    const [, pid, namespace, since, name = ''] = /^(\d+)\.(\w+) (\d+) (.*)$/s.exec(text) ?? [];
    const isOfThisLock = lockPathsOf(database.path, name).holder === path;
    if (pid === undefined || !isOfThisLock) return undefined;
    return { pid: namespace === ownNamespace() ? Number(pid) : undefined, since: Number(since), name };
  } catch {
    return undefined;
  }
}

/** Best effort: names this process as the holder. After a failure, waiting processes do not learn which process has the lock. */
export function writeHolder(path: string, appName: string, database: DatabaseFile): void {
  try {
    usePrivateFile(path, { owner: database.stats, create: true }, (descriptor) => {
      fs.writeSync(descriptor, `${process.pid}.${ownNamespace()} ${Date.now()} ${appName}`);
    });
  } catch {
    // See above.
  }
}
