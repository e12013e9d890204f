import type { LockWait } from 'token-store-kit';
import { creationError, ownNamespace, removeIfThere, systemCode } from 'token-store-kit/files';
import { fs } from '../node-fs.ts';
import type { LockFolder } from './lock-folder.ts';
import { listen, untilEnded } from './sockets.ts';

/** Processes that come and go hardly collide so often: after that, the folder counts as unusable. */
const maxTries = 100;
/** Minimum wait for a process that chooses its number, even after the deadline. Choosing takes a moment, unless the process is stopped. */
const chooseTimeoutMs = 200;
/** How often to check whether it has chosen. */
const lookIntervalMs = 5;

/**
 * The queue of one lock: its holder and the processes that wait for it. Each process listens on a socket of its own, so the kernel tells
 * when the process ends, however it ends. Neither a process id nor a clock decides anything. This is Lamport's bakery algorithm
 * (https://lamport.azurewebsites.net/pubs/bakery.pdf), with the number in the name of the socket. In the folder, for a lock L:
 *
 * | name | its process |
 * | --- | --- |
 * | `L-new-ID` | chooses a number: one more than the highest there |
 * | `L-NUMBER-ID` | has the lock when all ahead of it have ended: those with a lower number, or the same one and a lower ID |
 *
 * Why there are never two holders: a process P that has its number looks at each other process Q. If Q has no socket yet, or does not
 * listen yet, Q will see the number of P when it chooses, and be behind P. If Q is choosing, P waits until Q has its number. So of two
 * processes with a number, both know which one is ahead, and the other one waits.
 *
 * If a socket with a number refuses a connection, its process has ended, because a socket gets its number only when it listens. Any process
 * may remove that name: an ID is never used again. A removed socket may have been about to listen: then its process fails to give it a
 * number, and tries again with another ID. A reader of the folder may miss a name that changes meanwhile. That does no harm: each process
 * looks first for choosing processes, then for numbers. The longest waiting process is next; one that is killed or gives up is skipped.
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

  /** The process id of the lock holder, if known. */
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
        // A process that has chosen counts as ended too, because its socket then has another name.
        while (!(await this.#hasChosen(each, { ...wait, deadline: performance.now() + lookIntervalMs }))) {
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
        // Another process has removed the folder, which libuv reports as EACCES, or this socket before it listened.
        if (/^(ENOENT|EACCES)$/.test(`${systemCode(error)}`) && tries < maxTries) continue;
        if (!close && this.#folder.leaveFileSystem(error)) continue;
        throw creationError(this.#folder.at(draft), error);
      }
    }
  }

  /**
   * Whether a choosing process has its number or has ended. Root, which cannot make a socket of another user, may be stopped or killed
   * before it gives the socket to this user. So the socket is removed: then root fails to give it a number, and tries again.
   */
  async #hasChosen(name: string, wait: LockWait): Promise<boolean> {
    try {
      return await this.#hasEnded(name, wait);
    } catch (error) {
      if (Object(error).reason !== 'no-permission') throw error;
      removeIfThere(this.#folder.at(name));
      if (this.#folder.list().includes(name)) throw error;
      return true;
    }
  }

  /** False if there is still a socket with this name at the deadline. */
  async #hasEnded(name: string, wait: LockWait): Promise<boolean> {
    const hasEnded = await this.#folder.withSocket(name, (path) => untilEnded(path, wait));
    if (hasEnded) removeIfThere(this.#folder.at(name));
    return hasEnded;
  }

  /** The names of this lock's sockets. Those with a number are in the order of the queue. */
  #names(): { choosing: string[]; numbered: string[] } {
    const names = this.#folder.list().filter((name) => name.startsWith(`${this.#lock}-`));
    const isNew = (name: string): boolean => name.startsWith(`${this.#lock}-new-`);
    return { choosing: names.filter(isNew), numbered: names.filter((name) => !isNew(name)).sort() };
  }
}
