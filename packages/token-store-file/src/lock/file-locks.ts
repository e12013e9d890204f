/** This folder has the locks: who has one or waits for it, and the sockets by which the kernel tells who has ended. */
import { CallerQueue, type Lock, lockHeldError } from 'token-store-kit';
import { type Owner, systemCode } from 'token-store-kit/files';
import { hashOf, LockFolder } from './lock-folder.ts';
import { SocketQueue } from './socket-queue.ts';
import { listen, untilEnded, type Wait } from './sockets.ts';

/** One for the process: several of its stores may have the same file open. */
const callers = new CallerQueue();

/** The locks of a file: one for each name, and one to write it. */
export class FileLocks {
  readonly #path: string;
  readonly #owner: Owner;
  readonly #closing: AbortSignal;
  #folder: LockFolder | undefined;

  /** `closing` ends every wait with its reason. */
  constructor(path: string, owner: Owner, closing: AbortSignal) {
    this.#path = path;
    this.#owner = owner;
    this.#closing = closing;
  }

  /** Runs `task` while no other caller, in any process, has this lock. `name` is the record's. */
  async run<T>(
    lock: 'name' | 'write',
    name: string,
    { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined },
    task: (lock: Lock) => T | Promise<T>,
  ): Promise<T> {
    const [path, closing] = [this.#path, this.#closing];
    const wait = { deadline: performance.now() + timeout, signals: signal ? [closing, signal] : [closing] };
    const id = lock === 'write' ? lock : hashOf(name, 12);
    this.#folder ??= new LockFolder(path, this.#owner);
    const queue = process.platform === 'win32' ? pipe(`${id} ${path}`) : new SocketQueue(this.#folder, id);
    const holder = () => ({ path, pid: queue.holder });
    const acquireAndRun = async (given: Lock): Promise<T> => {
      const release = await queue.acquire(wait);
      if (!release) throw lockHeldError(name, timeout, holder());
      try {
        // The caller may have given up since it came.
        for (const each of wait.signals) each.throwIfAborted();
        return await task(given);
      } finally {
        // Writes that the task did not wait for: they may be waiting for another process.
        if (lock === 'name') await callers.run(name, async () => {}, { key: `write ${path}` }).catch(() => {});
        release();
      }
    };
    return callers.run(name, acquireAndRun, { key: `${id} ${path}`, timeout, signal, closing, holder });
  }
}

/** Windows has pipes that end with their process, and so do their names. All who wait try again then, and one of them gets it. */
function pipe(lock: string): Pick<SocketQueue, 'acquire' | 'holder'> {
  const path = `\\\\.\\pipe\\token-store-file-${hashOf(lock, 32)}`;
  const acquire = async (wait: Wait): Promise<(() => void) | undefined> => {
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
