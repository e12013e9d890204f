/** This folder has the lock: who has it or waits for it, and the sockets by which the kernel tells who has ended. */
import { CallerQueue, lockHeldError } from 'token-store-kit';
import { systemCode } from 'token-store-kit/files';
import { hashOf, type LockFolder } from './lock-folder.ts';
import { SocketQueue } from './socket-queue.ts';
import { listen, untilEnded, type Wait } from './sockets.ts';

/** What is locked, and how long to wait for it. */
export interface ExclusiveRequest {
  readonly path: string;
  readonly folder: LockFolder;
  /** Of a record: it is locked, or, for a write, the whole file. */
  readonly name: string;
  readonly isWrite: boolean;
  /** In milliseconds. */
  readonly timeout: number;
  /** Each ends the wait with its reason. */
  readonly signal: AbortSignal | undefined;
  readonly closing: AbortSignal;
}

/** One for the process: several of its stores may have the same file open. */
const callers = new CallerQueue();

/** Runs `task` while no other caller, in any process, has the same lock. */
export function runExclusively<T>(request: ExclusiveRequest, task: () => Promise<T> | T): Promise<T> {
  const { path, folder, name, isWrite, timeout, signal, closing } = request;
  const wait = { deadline: performance.now() + timeout, signals: signal ? [closing, signal] : [closing] };
  const lock = isWrite ? 'write' : hashOf(name, 12);
  const queue = process.platform === 'win32' ? pipe(`${lock} ${path}`) : new SocketQueue(folder, lock);
  const holder = () => ({ path, pid: queue.holder });
  const acquireAndRun = async (): Promise<T> => {
    const release = await queue.acquire(wait);
    if (!release) throw lockHeldError(name, timeout, holder());
    try {
      return await task();
    } finally {
      await release();
    }
  };
  return callers.run(name, acquireAndRun, { key: `${lock} ${path}`, timeout, signal, closing, holder });
}

/** Windows has pipes that end with their process, and so do their names. All who wait try again then, and one of them gets it. */
function pipe(lock: string): Pick<SocketQueue, 'acquire' | 'holder'> {
  const path = `\\\\.\\pipe\\token-store-file-${hashOf(lock, 32)}`;
  const acquire = async (wait: Wait): Promise<(() => Promise<void>) | undefined> => {
    for (;;) {
      try {
        const close = await listen(path);
        return async () => close();
      } catch (error) {
        if (systemCode(error) !== 'EADDRINUSE') throw error;
      }
      if (!(await untilEnded(path, wait))) return undefined;
    }
  };
  return { acquire, holder: undefined };
}
