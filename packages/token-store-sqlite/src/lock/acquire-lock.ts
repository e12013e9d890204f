import { pause } from 'token-store-kit';
import type { DatabaseFile } from '../database/database-file.ts';
import { LockFile } from './lock-file.ts';
import { QueueFile } from './queue-file.ts';

/**
 * How long the first in the queue may leave a free lock alone before the next ones try it: its process may be stopped.
 */
const headStartMs = 60;

/**
 * After this time every waiter tries the lock, whatever the queue says. The processes that it names may have been
 * killed, and other processes may have their process ids by now.
 */
const ignoreQueueAfterMs = 3_000;

export interface LockRequest {
  readonly lockPath: string;
  readonly database: DatabaseFile;
  /** On the clock of `performance.now()`. If it has passed already, the lock is tried once. */
  readonly deadline: number;
  readonly signals: readonly AbortSignal[];
}

/**
 * Waits for the lock in the order of the queue. Resolves with a function that releases it, or with undefined after the
 * deadline. As a rule only the first in the queue tries the lock, so that a process that acquires it again and again
 * gives way to the waiters.
 */
export async function acquireLock({
  lockPath,
  database,
  deadline,
  signals,
}: LockRequest): Promise<(() => void) | undefined> {
  const lock = new LockFile(lockPath, database);
  const queue = new QueueFile(lockPath, database);
  const place = { id: `${process.pid}-${Math.random().toString(36).slice(2)}`, pid: process.pid };
  const start = performance.now();
  let tried = start;
  let joined = false;
  let freeSince: number | undefined;
  let acquired = false;
  try {
    for (;;) {
      for (const signal of signals) signal.throwIfAborted();
      const now = performance.now();
      const state = queue.read();
      const position = state.waiting.findIndex(({ id }) => id === place.id);
      const ahead = position < 0 ? state.waiting.length : position;
      freeSince = state.held ? undefined : (freeSince ?? now);
      const isOverdue = freeSince !== undefined && now - freeSince > headStartMs + 10 * ahead;
      if (ahead === 0 || isOverdue || now - tried > ignoreQueueAfterMs || now >= deadline) {
        tried = now;
        if (lock.tryLock()) {
          acquired = true;
          queue.hold(place, state);
          return () => release(lock, queue, place.id);
        }
      }
      if (now >= deadline) return undefined;
      if (position < 0) queue.join(place, deadline - now);
      joined = true;
      await pause(Math.min(lookIntervalMs(ahead, now - start), deadline - now), signals);
    }
  } finally {
    if (!acquired) giveUp(lock, queue, joined ? place.id : undefined);
  }
}

/**
 * Short for the first in the queue, longer for the others and after a while. Random, so that the waiters do not all
 * look at the same moment.
 */
function lookIntervalMs(ahead: number, waited: number): number {
  return Math.min(80, 25 + 2 * ahead, 3 + 4 * ahead + waited / 50) * (0.75 + Math.random() / 2);
}

function giveUp(lock: LockFile, queue: QueueFile, id: string | undefined): void {
  if (id !== undefined) {
    queue.leave(id);
    const { held, waiting } = queue.read();
    try {
      // The last holder may have left the files to the waiter that gives up now.
      if (!held && waiting.length === 0 && lock.tryLock()) removeFiles(lock, queue);
    } catch {
      // The files stay for the next caller. The caller of this one has to hear why its wait ended, and not of this.
    }
  }
  lock.close();
}

function release(lock: LockFile, queue: QueueFile, id: string): void {
  if (queue.read().waiting.some((place) => place.id !== id)) {
    queue.leave(id);
    lock.close();
  } else {
    removeFiles(lock, queue);
  }
}

/** Call it only while this process holds the lock. */
function removeFiles(lock: LockFile, queue: QueueFile): void {
  queue.remove();
  lock.remove();
}
