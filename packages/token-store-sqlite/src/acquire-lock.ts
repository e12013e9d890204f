import type { DatabaseFile } from './database-file.ts';
import { LockFile } from './lock-file.ts';
import { pause } from './pause.ts';
import { WaitingLine } from './waiting-line.ts';

/** Milliseconds in which the first in line must take a lock that is free, before the next ones try: it may be stopped. */
const patience = 60;

/**
 * Milliseconds after which everybody who waits tries the lock, whatever the line says: those it names may have been killed,
 * and other processes have their numbers by now.
 */
const doubt = 3_000;

export interface LockRequest {
  readonly lockPath: string;
  readonly database: DatabaseFile;
  /** On the clock of `performance.now()`. Where it has passed already, the lock is tried once. */
  readonly deadline: number;
  readonly signals: readonly AbortSignal[];
}

/**
 * Waits for the lock in the order of the line, and returns what releases it, or undefined after the deadline. As a rule
 * only the first in line tries the lock, so that a process that takes it again and again gives way to those who wait.
 */
export async function acquireLock({
  lockPath,
  database,
  deadline,
  signals,
}: LockRequest): Promise<(() => void) | undefined> {
  const lock = new LockFile(lockPath, database);
  const line = new WaitingLine(lockPath, database);
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
      const state = line.read();
      const position = state.waiting.findIndex(({ id }) => id === place.id);
      const ahead = position < 0 ? state.waiting.length : position;
      freeSince = state.held ? undefined : (freeSince ?? now);
      const overdue = freeSince !== undefined && now - freeSince > patience + 10 * ahead;
      if (ahead === 0 || overdue || now - tried > doubt || now >= deadline) {
        tried = now;
        if (lock.tryLock()) {
          acquired = true;
          line.hold(place, state);
          return () => release(lock, line, place.id);
        }
      }
      if (now >= deadline) return undefined;
      if (position < 0) line.join(place, deadline - now);
      joined = true;
      await pause(Math.min(interval(ahead, now - start), deadline - now), signals);
    }
  } finally {
    if (!acquired) giveUp(lock, line, joined ? place.id : undefined);
  }
}

/** Milliseconds until the next look: short for the first in line, longer for the others and after a while, never in step. */
function interval(ahead: number, waited: number): number {
  return Math.min(80, 25 + 2 * ahead, 3 + 4 * ahead + waited / 50) * (0.75 + Math.random() / 2);
}

function giveUp(lock: LockFile, line: WaitingLine, id: string | undefined): void {
  if (id !== undefined) {
    line.leave(id);
    const { held, waiting } = line.read();
    try {
      // The last holder may have left the files to the one who gives up now.
      if (!held && waiting.length === 0 && lock.tryLock()) removeFiles(lock, line);
    } catch {
      // They stay for the next caller, and the reason for giving up is what matters.
    }
  }
  lock.close();
}

function release(lock: LockFile, line: WaitingLine, id: string): void {
  if (line.read().waiting.some((place) => place.id !== id)) {
    line.leave(id);
    lock.close();
  } else {
    removeFiles(lock, line);
  }
}

/** Call only with the lock. */
function removeFiles(lock: LockFile, line: WaitingLine): void {
  line.remove();
  lock.remove();
}
