/** This folder has the locks: who has one or waits for it, and the sockets by which the kernel tells who has ended. */
import { CallerQueue, type ExclusivelyOptions, hashOf, type Lock, type LockWait } from 'token-store-kit';
import { systemCode } from 'token-store-kit/files';
import type { TokenFile } from '../token-file.ts';
import { LockFolder } from './lock-folder.ts';
import { SocketQueue } from './socket-queue.ts';
import { listen, untilEnded } from './sockets.ts';

/** One for the process: several of its stores may have the same file open. */
const callers = new CallerQueue();

/** The locks of a file: one for each name, and one to write it. */
export class FileLocks {
  readonly #file: TokenFile;
  readonly #closing: AbortSignal;
  readonly #folder: LockFolder;

  /** `closing` ends every wait with its reason. */
  constructor(file: TokenFile, closing: AbortSignal) {
    this.#file = file;
    this.#closing = closing;
    this.#folder = new LockFolder(file);
  }

  /** Runs `task` while no other caller, in any process, has this lock. `name` is the record's. */
  async run<T>(
    lock: 'name' | 'write',
    name: string,
    wait: ExclusivelyOptions,
    task: (lock: Lock) => Promise<T>,
  ): Promise<T> {
    const { path } = this.#file;
    const keyOf = (id: string): string => `${id} ${path}`;
    const id = lock === 'write' ? lock : hashOf(name, 12);
    const queue = process.platform === 'win32' ? pipe(keyOf(id)) : new SocketQueue(this.#folder, id);
    const acquire = async (wait: LockWait): Promise<(() => unknown) | undefined> => {
      const release = await queue.acquire(wait);
      if (!release || lock === 'write') return release;
      // Writes that the task did not wait for: they may be waiting for another process.
      const written = () => callers.run(name, async () => {}, { key: keyOf('write') });
      return () => written().then(release, release);
    };
    const holder = () => ({ path, pid: queue.holder });
    return callers.run(name, task, { ...wait, key: keyOf(id), closing: this.#closing, acquire, holder });
  }
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
