/** The locks: the queue of the holder and the waiting processes, and the sockets by which the kernel tells that a process has ended. */
import { CallerQueue, hashOf, type Lock, type LockWait, type QueueOptions } from 'token-store-kit';
import { systemCode } from 'token-store-kit/files';
import type { LockFolder } from './lock-folder.ts';
import { SocketQueue } from './socket-queue.ts';
import { listen, untilEnded } from './sockets.ts';

/** One queue for the whole process: several of its stores may have the same file open. */
const callers = new CallerQueue();

/** Runs `task` while no other caller, in any process, has this lock: a file has one for each name of a record, and one for writes. */
export async function runExclusively<T>(
  name: string,
  task: (lock: Lock) => Promise<T>,
  { lock, folder, ...wait }: QueueOptions & { lock: 'name' | 'write'; folder: LockFolder },
): Promise<T> {
  const { path } = folder.file;
  const keyOf = (id: string): string => `${id} ${path}`;
  const id = lock === 'write' ? lock : hashOf(name, 12);
  const queue = process.platform === 'win32' ? pipe(keyOf(id)) : new SocketQueue(folder, id);
  const acquire = async (wait: LockWait): Promise<(() => unknown) | undefined> => {
    const release = await queue.acquire(wait);
    if (!release || lock === 'write') return release;
    // Before the release, waits for writes that the task did not await: they may be waiting for another process.
    const written = () => callers.run(name, async () => {}, { key: keyOf('write'), timeout: Number.POSITIVE_INFINITY });
    return () => written().then(release);
  };
  const holder = () => ({ path, pid: queue.holder });
  return callers.run(name, task, { ...wait, key: keyOf(id), acquire, holder });
}

/** On Windows, a named pipe and its name end with their process. Then all waiting processes try again, and one of them gets the lock. */
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
