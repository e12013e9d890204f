/** This folder has the lock of `exclusively`: its files, and the wait for it. */
import { existsSync } from 'node:fs';
import { CallerQueue, type Lock, type LockWait, pause, type QueueOptions } from 'token-store-kit';
import { removeIfThere } from 'token-store-kit/files';
import type { DatabaseFile } from '../database/database-file.ts';
import { LockFile } from './lock-file.ts';
import { type LockPaths, lockPathsOf, readHolder, removeDrafts, writeHolder } from './lock-paths.ts';

/** How often a process that is not the next one tries the lock all the same: the next one may be stopped. */
const overtakeIntervalMs = 1_000;

/** One for the process: several of its stores may have the same file open. */
const callers = new CallerQueue();

/** See `SqliteTokenStore.exclusively`. */
export function runExclusively<T>(
  appName: string,
  task: (lock: Lock) => Promise<T>,
  { database, ...options }: QueueOptions & { database: DatabaseFile },
): Promise<T> {
  const { path } = database;
  const paths = lockPathsOf(path, appName);
  // The queue of this process waits only for other callers of this process, even if these wait for another process.
  return callers.run(appName, task, {
    ...options,
    key: paths.lock,
    acquire: async (wait) => {
      const release = await acquireLock(paths, database, wait);
      if (release) {
        writeHolder(paths.holder, appName, database);
        removeDrafts(path);
      }
      return release;
    },
    holder: () => ({ path, pid: readHolder(paths.holder, database)?.pid }),
  });
}

/**
 * Waits for the lock, and tries it once at least. Resolves with a function that releases it, or with undefined after the deadline.
 *
 * Of the processes that wait, one has locked the gate: it is the next to have the lock, and only then leaves the gate to another.
 * So a process that acquires the lock again and again gives way. The kernel releases the gate as well when its process ends.
 */
async function acquireLock(
  paths: LockPaths,
  database: DatabaseFile,
  { deadline, signals }: LockWait,
): Promise<(() => void) | undefined> {
  const lock = new LockFile(paths.lock, database);
  const gate = new LockFile(paths.gate, database);
  let tried = performance.now();
  /** Since when this process has the gate. */
  let nextSince: number | undefined;
  let acquired = false;
  try {
    // Without a gate, no process waits.
    if (!existsSync(paths.gate)) acquired = lock.tryLock();
    while (!acquired) {
      const now = performance.now();
      if (nextSince === undefined && gate.tryLock()) nextSince = now;
      if (nextSince !== undefined || now - tried > overtakeIntervalMs || now >= deadline) {
        tried = now;
        acquired = lock.tryLock();
      }
      if (acquired) break;
      if (now >= deadline) return undefined;
      // The next one looks often at first. The others look equally often, so that a process which comes again and again has no better
      // chance at the gate. Random, so that they do not all look at the same moment.
      const interval = nextSince === undefined ? 50 : Math.min(25, 3 + (now - nextSince) / 50);
      await pause(Math.min(interval * (0.75 + Math.random() / 2), deadline - now), signals);
    }
    gate.close();
    return () => release(lock, gate, paths);
  } finally {
    if (!acquired) giveUp(lock, gate, nextSince !== undefined);
  }
}

function release(lock: LockFile, gate: LockFile, paths: LockPaths): void {
  removeIfThere(paths.holder);
  if (!existsSync(paths.gate) || isFree(gate)) {
    // No process waits at the gate. One that comes now makes the files again.
    gate.remove();
    lock.remove();
  }
  lock.close();
  gate.close();
}

/** The last holder has left the files to the process at the gate, which may be this one. */
function giveUp(lock: LockFile, gate: LockFile, isNext: boolean): void {
  if (isNext && isFree(lock)) lock.remove();
  if (isNext) gate.remove();
  lock.close();
  gate.close();
}

/** Whether this process has it now. If not, the files stay for the next caller: the caller of this one waits for no answer. */
function isFree(lock: LockFile): boolean {
  try {
    return lock.tryLock();
  } catch {
    return false;
  }
}
