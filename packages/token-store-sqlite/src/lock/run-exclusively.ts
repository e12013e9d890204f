/** This folder has the lock of `exclusively`: its files, and the wait for it. */
import { CallerQueue, type Lock, lockHeldError } from 'token-store-kit';
import type { DatabaseFile } from '../database/database-file.ts';
import { acquireLock } from './acquire-lock.ts';
import { readHolder } from './holder-file.ts';
import { lockPathsOf } from './lock-paths.ts';

export interface ExclusiveRequest {
  readonly appName: string;
  /** The database whose lock it is. */
  readonly database: DatabaseFile;
  /** In milliseconds. */
  readonly timeout: number;
  /** Each ends the wait with its reason. */
  readonly signal: AbortSignal | undefined;
  readonly closing: AbortSignal;
}

/** One for the process: several of its stores may have the same file open. */
const callers = new CallerQueue();

/** See `SqliteTokenStore.exclusively`. */
export function runExclusively<T>(request: ExclusiveRequest, task: (lock: Lock) => Promise<T>): Promise<T> {
  const { appName, database, timeout, signal, closing } = request;
  const deadline = performance.now() + timeout;
  const paths = lockPathsOf(database.path, appName);
  const { path } = database;
  const acquireAndRun = async (lock: Lock): Promise<T> => {
    const signals = signal ? [closing, signal] : [closing];
    const release = await acquireLock({ paths, database, deadline, signals });
    if (!release) throw lockHeldError(appName, timeout, { path, pid: readHolder(paths.holder)?.pid });
    try {
      return await task(lock);
    } finally {
      release();
    }
  };
  // The queue of this process waits only for other callers of this process, even if these wait for another process.
  const holder = () => ({ path, pid: readHolder(paths.holder)?.pid ?? process.pid });
  return callers.run(appName, acquireAndRun, { key: paths.lock, timeout, signal, closing, holder });
}
