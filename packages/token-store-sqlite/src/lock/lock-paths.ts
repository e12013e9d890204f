import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hashOf } from 'token-store-kit';
import { ownNamespace, removeIfThere, usePrivateFile } from 'token-store-kit/files';
import type { DatabaseFile } from '../database/database-file.ts';

const hashLength = 32;

/** The files of one lock, beside the database. They are there only while the lock is needed. */
export interface LockPaths {
  /** A process that has locked it has the lock. */
  readonly lock: string;
  /** A process that has locked it is the next to have the lock. */
  readonly gate: string;
  /** Says who has the lock, for those who wait: only the lock itself decides. */
  readonly holder: string;
}

/** An app name can be any string, so its files are named after its hash. */
export function lockPathsOf(databasePath: string, appName: string): LockPaths {
  return pathsOf(`${databasePath}-lock-${hashOf(appName, hashLength)}`);
}

/** The locks of a database whose files are there now. */
export function findLockPaths(databasePath: string): LockPaths[] {
  const prefix = `${basename(databasePath)}-lock-`;
  const isLock = (file: string): boolean => file.startsWith(prefix) && file.length === prefix.length + hashLength;
  return findFiles(dirname(databasePath), isLock).map(pathsOf);
}

/** Removes what processes have left that were killed while they made a lock. One that makes a lock right now begins again. */
export function removeDrafts(databasePath: string): void {
  const isDraft = (file: string): boolean => /^token-store-sqlite-[\da-f-]{36}$/.test(file);
  for (const draft of findFiles(dirname(databasePath), isDraft)) removeIfThere(draft);
}

/** None if this user may not see which there are. */
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

/** Who has a lock: `since` when, in epoch milliseconds, and under which app name. */
interface Holder {
  /** Undefined if the process is in a container, and this one in another: its number would be that of any process here. */
  readonly pid: number | undefined;
  readonly since: number;
  readonly name: string;
}

/**
 * Undefined if there is no such file, or this user may not read it, or it is not one of ours. After a process was killed, it is there until
 * the lock is acquired again.
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

/** Names this process. A failure is no error: then those who wait do not learn who has the lock. */
export function writeHolder(path: string, appName: string, database: DatabaseFile): void {
  try {
    usePrivateFile(path, { owner: database.stats, create: true }, (descriptor) => {
      fs.writeSync(descriptor, `${process.pid}.${ownNamespace()} ${Date.now()} ${appName}`);
    });
  } catch {
    // See above.
  }
}
