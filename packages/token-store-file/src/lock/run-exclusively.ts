/** This folder has the locks: who has one or waits for it, and the sockets by which the kernel tells who has ended. */
import { CallerQueue, hashOf, type Lock, type LockWait, type QueueOptions } from 'token-store-kit';
import { systemCode } from 'token-store-kit/files';
import type { LockFolder } from './lock-folder.ts';
import { SocketQueue } from './socket-queue.ts';
import { listen, untilEnded } from './sockets.ts';

/** One for the process: several of its stores may have the same file open. */
const callers = new CallerQueue();

/** Options of {@link runExclusively}. */
interface LockOptions extends QueueOptions {
  /** A file has a lock for each name, and one to write it. */
  lock: 'name' | 'write';
  folder: LockFolder;
}

/** Runs `task` while no other caller, in any process, has this lock. `name` is the record's. */
export async function runExclusively<T>(
  name: string,
  task: (lock: Lock) => Promise<T>,
  { lock, folder, ...wait }: LockOptions,
): Promise<T> {
  const { path } = folder.file;
  const keyOf = (id: string): string => `${id} ${path}`;
  const id = lock === 'write' ? lock : hashOf(name, 12);
  const queue = process.platform === 'win32' ? pipe(keyOf(id)) : new SocketQueue(folder, id);
  const acquire = async (wait: LockWait): Promise<(() => unknown) | undefined> => {
    const release = await queue.acquire(wait);
    if (!release || lock === 'write') return release;
    // Writes that the task did not wait for: they may be waiting for another process.
    const written = () => callers.run(name, async () => {}, { key: keyOf('write'), timeout: Number.POSITIVE_INFINITY });
    return () => written().then(release);
  };
  const holder = () => ({ path, pid: queue.holder });
  return callers.run(name, task, { ...wait, key: keyOf(id), acquire, holder });
}

/** Windows has pipes that end with their process, and so do their names. All who wait try again then, and one of them gets it. */
function pipe(lock: string): Pick<SocketQueue, 'acquire' | 'holder'> {
  const path = `\\\\.\\pipe\\token-store-file-${hashOf(lock, 32)}`;
  const acquire = async (wait: LockWait): Promise<(() => void) | undefined> => {
    for (;;) {
      try {
        return await listen(path);
      } catch (error) {
        if (systemCode(error) !== 'EADDRINUSE') throw error;
      }
      if (!(await untilEnded(path, wait))) return undefined;
    }
  };
  return { acquire, holder: undefined };
}
