/** This folder has the lock of `exclusively`: its files, and the wait for it. */
import { existsSync } from 'node:fs';
import { CallerQueue, type Lock, type LockWait, pause, type QueueOptions } from 'token-store-kit';
import { removeIfThere } from 'token-store-kit/files';
import type { DatabaseFile } from '../database/database-file.ts';
import { LockFile } from './lock-file.ts';
import { findLockPaths, type LockPaths, lockPathsOf, readHolder, removeDrafts, writeHolder } from './lock-paths.ts';

/** How often a process without the gate tries the lock all the same: the process that has the gate may be stopped. */
const overtakeIntervalMs = 1_000;

/** One queue for the process, because several of its stores may have the same file open. */
const callers = new CallerQueue();
/** The lock files that this process has locked. */
const held = new Set<string>();

/** See `SqliteTokenStore.exclusively`. */
export function runExclusively<T>(
  appName: string,
  task: (lock: Lock) => Promise<T>,
  { database, ...options }: QueueOptions & { database: DatabaseFile },
): Promise<T> {
  const { path } = database;
  const paths = lockPathsOf(path, appName);
  // In the queue, callers of this process wait only for each other. The first one waits for other processes, in `acquireLock`.
  return callers.run(appName, task, {
    ...options,
    key: paths.lock,
    acquire: async (wait) => {
      const release = await acquireLock(paths, database, wait);
      if (!release) return undefined;
      held.add(paths.lock);
      writeHolder(paths.holder, appName, database);
      removeDrafts(path);
      return () => {
        held.delete(paths.lock);
        release();
      };
    },
    holder: () => ({ path, pid: readHolder(paths.holder, database)?.pid }),
  });
}

/**
 * A lock of the database that another process has, although this one has some: as `changeKey` does, which acquires all that it finds. The
 * other process came later. Undefined if this process has none.
 */
export function findLateLock(database: DatabaseFile): LockPaths | undefined {
  const all = findLockPaths(database.path);
  if (!all.some(({ lock }) => held.has(lock))) return undefined;
  return all.find((paths) => {
    if (held.has(paths.lock)) return false;
    const lock = new LockFile(paths.lock, database);
    const isLeftBehind = isFree(lock);
    if (isLeftBehind) lock.remove();
    lock.close();
    return !isLeftBehind;
  });
}

/**
 * Waits for the lock, and tries at least once. Resolves with a function that releases the lock, or with undefined after the deadline.
 *
 * One of the waiting processes has locked the gate. This process gets the lock next, and releases the gate only then. So a process
 * that acquires the lock again and again gives way. The kernel releases the gate, too, when its process ends.
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
    // Without a gate file, no process waits.
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
      // The process that has the gate tries often at first. The others try equally often, so that a process that comes again and again
      // has no better chance at the gate. Random, so that they do not all try at the same moment.
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
    // No process waits at the gate. A process that comes now makes the files again.
    gate.remove();
    lock.remove();
  }
  lock.close();
  gate.close();
}

/** The last holder has left the files to the process that has the gate, so that process removes them if it gives up. */
function giveUp(lock: LockFile, gate: LockFile, isNext: boolean): void {
  if (isNext && isFree(lock)) lock.remove();
  if (isNext) gate.remove();
  lock.close();
  gate.close();
}

/** Tries to lock the file. An error counts as false, because no caller waits for the answer: the files stay for the next caller. */
function isFree(lock: LockFile): boolean {
  try {
    return lock.tryLock();
  } catch {
    return false;
  }
}
