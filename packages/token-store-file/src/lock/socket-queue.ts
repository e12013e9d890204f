import type { LockWait } from 'token-store-kit';
import { creationError, ownNamespace, removeIfThere, systemCode } from 'token-store-kit/files';
import { fs } from '../node-fs.ts';
import type { LockFolder } from './lock-folder.ts';
import { listen, untilEnded } from './sockets.ts';

/** Two processes that come and go can hardly meet so often: the folder cannot be used. */
const maxTries = 100;
/** How long a process may take to choose its number, if the deadline is earlier. It takes a moment, unless the process is stopped. */
const chooseTimeoutMs = 200;
/** How often to look whether it has one. */
const lookIntervalMs = 5;

/**
 * One lock: the queue of the processes that have it or wait for it. Each listens on a socket of its own, so the kernel tells when it
 * ends, however it ends. Neither a process id nor a clock decides anything. It is Lamport's bakery algorithm
 * (https://lamport.azurewebsites.net/pubs/bakery.pdf), and the name of a socket has the number. In the folder, for a lock L:
 *
 * | name | its process |
 * | --- | --- |
 * | `L-new-ID` | chooses a number: one more than the highest there |
 * | `L-NUMBER-ID` | has the lock when all ahead of it have ended: those with a lower number, or the same one and a lower ID |
 *
 * Why there are never two: a process that has its number looks at each other one. If that one is not there yet, or does not listen yet,
 * it will see this number when it chooses, and be behind. If it chooses, this process waits until it has its number. So of two that have
 * a number, both know who is ahead, and the other one waits.
 *
 * A socket that refuses a connection has ended, because it gets its number when it listens already. Each process may remove its name: an
 * ID is never used again. If it was about to listen, its process cannot give it a number any more, and comes again with another ID.
 * While a folder is read, a name that changes may be missed. That does no harm: each process looks for those that choose, and after that
 * for numbers. Who waits longest is next; a process that is killed or gives up is passed over.
 * `testing/simulation/model/socket-queue.pml` is this protocol for SPIN, which tries every order of these calls.
 */
export class SocketQueue {
  readonly #folder: LockFolder;
  readonly #lock: string;

  /** `lock` has letters and digits only. */
  constructor(folder: LockFolder, lock: string) {
    this.#folder = folder;
    this.#lock = lock;
  }

  /** The process that has the lock, if it can be told. */
  get holder(): number | undefined {
    const [pid, rest] = this.#names().numbered[0]?.split('-')[2]?.split('.') ?? [];
    return pid !== undefined && rest?.startsWith(ownNamespace()) ? Number.parseInt(pid, 36) : undefined;
  }

  /** Waits for the lock, and tries once at least. Resolves with a function that releases it, or with undefined after the deadline. */
  async acquire(wait: LockWait): Promise<(() => void) | undefined> {
    const { name, close } = await this.#join(wait.signals);
    const release = (): void => {
      close();
      removeIfThere(this.#folder.at(name));
      this.#folder.removeIfEmpty();
    };
    let acquired = false;
    try {
      const chosenBy = Math.max(wait.deadline, performance.now() + chooseTimeoutMs);
      for (const each of this.#names().choosing) {
        // When it has its number, it has another name.
        while (!(await this.#hasEnded(each, { ...wait, deadline: performance.now() + lookIntervalMs }))) {
          if (performance.now() >= chosenBy) return undefined;
        }
      }
      const ahead = this.#names().numbered.filter((each) => each < name);
      for (const each of ahead.toReversed()) {
        if (!(await this.#hasEnded(each, wait))) return undefined;
      }
      acquired = true;
      return release;
    } finally {
      if (!acquired) release();
    }
  }

  async #join(signals: readonly AbortSignal[]): Promise<{ name: string; close: () => void }> {
    for (let tries = 1; ; tries++) {
      for (const signal of signals) signal.throwIfAborted();
      const id = `${process.pid.toString(36)}.${ownNamespace()}${Math.random().toString(36).slice(2, 8)}`;
      const draft = `${this.#lock}-new-${id}`;
      let close: (() => void) | undefined;
      try {
        this.#folder.make();
        close = await this.#folder.withSocket(draft, listen);
        this.#folder.giveToOwner(draft);
        const highest = this.#names().numbered.at(-1)?.split('-')[1] ?? '0';
        const number = (Number.parseInt(highest, 36) + 1).toString(36).padStart(6, '0');
        const name = `${this.#lock}-${number}-${id}`;
        fs.renameSync(this.#folder.at(draft), this.#folder.at(name));
        return { name, close };
      } catch (error) {
        close?.();
        // Another process has removed the folder, which libuv calls EACCES, or what seemed to be a socket of a process that ended.
        if (/^(ENOENT|EACCES)$/.test(`${systemCode(error)}`) && tries < maxTries) continue;
        if (!close && this.#folder.leaveFileSystem(error)) continue;
        throw creationError(this.#folder.at(draft), error);
      }
    }
  }

  /** False if there is still a socket with this name at the deadline. */
  async #hasEnded(name: string, wait: LockWait): Promise<boolean> {
    const hasEnded = await this.#folder.withSocket(name, (path) => untilEnded(path, wait));
    if (hasEnded) removeIfThere(this.#folder.at(name));
    return hasEnded;
  }

  /** The names of this lock, each with those first that are ahead. */
  #names(): { choosing: string[]; numbered: string[] } {
    const names = this.#folder.list().filter((name) => name.startsWith(`${this.#lock}-`));
    const isNew = (name: string): boolean => name.startsWith(`${this.#lock}-new-`);
    return { choosing: names.filter(isNew), numbered: names.filter((name) => !isNew(name)).sort() };
  }
}
