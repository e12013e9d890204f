/** This folder has the lock of `exclusively`: the lock file, the queue beside it, and the wait for both. */
import { CallerQueue, type Lock, lockHeldError, type TokenStoreErrorDetails } from 'token-store-kit';
import type { DatabaseFile } from '../database/database-file.ts';
import { acquireLock } from './acquire-lock.ts';
import { QueueFile } from './queue-file.ts';

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
  const lockPath = lockPathOf(request);
  const holder = (): TokenStoreErrorDetails => {
    return { path: database.path, pid: new QueueFile(lockPath, database).read().holder?.pid };
  };
  const acquireAndRun = async (lock: Lock): Promise<T> => {
    const signals = signal ? [closing, signal] : [closing];
    const release = await acquireLock({ lockPath, database, deadline, signals });
    if (!release) throw lockHeldError(appName, timeout, holder());
    try {
      return await task(lock);
    } finally {
      release();
    }
  };
  // The queue of this process waits only for other callers of this process, even if the queue file names no holder.
  const holderOrThis = (): TokenStoreErrorDetails => {
    const { path, pid = process.pid } = holder();
    return { path, pid };
  };
  return callers.run(appName, acquireAndRun, { key: lockPath, timeout, signal, closing, holder: holderOrThis });
}

/** The longest app name, in bytes, that is part of the file's name. */
const maxNameBytes = 32;

/**
 * An app name can be any string, so the lock file is named after its bytes in hex, or after their hash if there are
 * many.
 */
function lockPathOf({ database, appName }: ExclusiveRequest): string {
  const bytes = Buffer.from(appName);
  return `${database.path}-lock-${bytes.length > maxNameBytes ? sha256(bytes).slice(0, 32) : bytes.toString('hex')}`;
}

/** Loads crypto only when it is needed: that takes longer than all the rest of acquiring a lock. */
function sha256(bytes: Uint8Array): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('hex');
}
