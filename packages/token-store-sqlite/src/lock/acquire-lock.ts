import { existsSync } from 'node:fs';
import { pause } from 'token-store-kit';
import type { DatabaseFile } from '../database/database-file.ts';
import { removeHolder, writeHolder } from './holder-file.ts';
import { LockFile } from './lock-file.ts';
import type { LockPaths } from './lock-paths.ts';

/** How often a process that is not the next one tries the lock all the same: the next one may be stopped. */
const overtakeIntervalMs = 1_000;

export interface LockRequest {
  readonly paths: LockPaths;
  readonly database: DatabaseFile;
  /** On the clock of `performance.now()`. If it has passed already, the lock is tried once. */
  readonly deadline: number;
  readonly signals: readonly AbortSignal[];
}

/**
 * Waits for the lock. Resolves with a function that releases it, or with undefined after the deadline.
 *
 * Of the processes that wait, one has locked the gate: it is the next to have the lock, and only then leaves the gate to another.
 * So a process that acquires the lock again and again gives way. The kernel releases the gate as well when its process ends.
 */
export async function acquireLock(request: LockRequest): Promise<(() => void) | undefined> {
  const { paths, database, deadline, signals } = request;
  const lock = new LockFile(paths.lock, database);
  const gate = new LockFile(paths.gate, database);
  const start = performance.now();
  let tried = start;
  let isNext = false;
  let acquired = false;
  try {
    for (const signal of signals) signal.throwIfAborted();
    // Without a gate, no process waits.
    if (!existsSync(paths.gate)) acquired = lock.tryLock();
    while (!acquired) {
      const now = performance.now();
      isNext ||= gate.tryLock();
      if (isNext || now - tried > overtakeIntervalMs || now >= deadline) {
        tried = now;
        acquired = lock.tryLock();
      }
      if (acquired) break;
      if (now >= deadline) return undefined;
      // Longer after a while. Random, so that the waiters do not all look at the same moment.
      const interval = Math.min(isNext ? 25 : 50, 3 + (now - start) / 50) * (0.75 + Math.random() / 2);
      await pause(Math.min(interval, deadline - now), signals);
    }
    gate.close();
    writeHolder(paths.holder, database);
    return () => release(lock, gate, paths);
  } finally {
    if (!acquired) giveUp(lock, gate, isNext);
  }
}

function release(lock: LockFile, gate: LockFile, paths: LockPaths): void {
  removeHolder(paths.holder);
  if (existsSync(paths.gate) && !isFree(gate)) {
    lock.close();
  } else {
    // No process waits at the gate. One that comes now makes the files again.
    gate.remove();
    lock.remove();
  }
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
