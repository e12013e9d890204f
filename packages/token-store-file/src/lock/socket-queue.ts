import { creationError, openError, removeIfThere, systemCode } from 'token-store-kit/files';
import { fs } from '../node-fs.ts';
import type { LockFolder } from './lock-folder.ts';
import { listen, untilEnded, type Wait } from './sockets.ts';

/** Two processes that come and go can hardly meet so often: the folder cannot be used. */
const maxTries = 100;

/**
 * One lock: the queue of the processes that have it or wait for it. Each listens on a socket of its own, so the kernel tells when
 * it ends, however it ends. Neither a process id nor a clock decides anything. In the folder, for a lock L:
 *
 * | name | what it is |
 * | --- | --- |
 * | `L-ID` | the socket of a process; ID is never used again |
 * | `L` | the head: a symbolic link to the ID that has, or had, the lock |
 * | `L-ID-next` | a symbolic link to the ID behind that one |
 *
 * A process joins behind the last ID by making a link, which fails if there is one. So the IDs from the head on are one chain, and
 * all ahead of it are known to each process. It has the lock
 *
 * 1. if it has made the head itself, because there was none, or
 * 2. if all ahead of it have ended, and the head is one of them: then it makes itself the head, by a rename.
 *
 * If the head is another one, or gone, the place is void for ever, because its ID does not come back, and the process joins again.
 *
 * Why there are never two: the head changes only (a) by 1, from none, which a link does once, (b) by 2, or (c) when the process
 * that is the head removes it after its task, before its socket closes. Let two processes have a place behind the same head. The
 * links from the head to them cannot be made twice, and are removed only after the head has changed. So one is ahead of the other,
 * which waits until that one has ended. Between the look at the head and the rename nothing changes it: (a) needs that there is
 * none, (b) needs the same place, (c) needs a head that has not ended. A socket gets its name when it listens already, so one that
 * refuses a connection has ended, and stays ended. Who waits longest is next; a process that is killed is passed over.
 * `testing/simulation/model/socket-queue.pml` is this protocol for SPIN, which tries every order of these calls.
 */
export class SocketQueue {
  readonly #folder: LockFolder;
  readonly #name: string;

  /** `name` has letters and digits only. */
  constructor(folder: LockFolder, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  /** The process that has the lock, if it can be told. */
  get holder(): number | undefined {
    const [pid] = this.#read(this.#name)?.split('.') ?? [];
    return pid === undefined ? undefined : Number.parseInt(pid, 36);
  }

  /** Waits for the lock, and tries once at least. Resolves with a function that releases it, or with undefined after the deadline. */
  async acquire(wait: Wait): Promise<(() => Promise<void>) | undefined> {
    // Who does not wait need not join, unless the lock is free.
    if (performance.now() >= wait.deadline && (await this.#isListening(this.#chain().ids))) return undefined;
    for (let tries = 1; ; tries++) {
      for (const signal of wait.signals) signal.throwIfAborted();
      const id = `${process.pid.toString(36)}.${Math.random().toString(36).slice(2, 12)}`;
      const close = await this.#listen(id, tries);
      if (!close) continue;
      let acquired = false;
      try {
        const { ids, last } = this.#join(id);
        for (const each of ids.toReversed()) {
          if (!(await untilEnded(this.#socket(each), wait))) return undefined;
        }
        acquired = ids.length === 0 || this.#becomeHead(id, ids);
        if (acquired) return () => this.#release(id, close);
        this.#remove(last);
      } finally {
        if (!acquired) this.#close(id, close);
      }
    }
  }

  /** Undefined if it has to be tried again. */
  async #listen(id: string, tries: number): Promise<(() => void) | undefined> {
    const draft = `${this.#name}-${id}-new`;
    const path = this.#folder.at(draft);
    let close: (() => void) | undefined;
    try {
      this.#folder.make();
      close = await listen(this.#folder.socketAt(draft));
      // As root, it may be a link by now: the folder belongs to a user, whom no file of root's may be given to.
      if (process.geteuid?.() === 0) fs.lchownSync(path, this.#folder.owner.uid, this.#folder.owner.gid);
      else fs.chmodSync(path, 0o600);
      fs.renameSync(path, this.#folder.at(`${this.#name}-${id}`));
      return close;
    } catch (error) {
      close?.();
      // A process that released its lock has removed the folder, which libuv calls EACCES, or what looked left behind in it.
      if (/^(ENOENT|EACCES)$/.test(systemCode(error) ?? '') && tries < maxTries) return undefined;
      if (!close && this.#folder.leaveFileSystem(error)) return undefined;
      throw creationError(path, error);
    }
  }

  /** The IDs that are ahead of the one that joins, and where its link is. */
  #join(id: string): { ids: readonly string[]; last: string } {
    for (;;) {
      const { ids, last } = this.#chain();
      if (this.#link(id, last)) return { ids, last };
    }
  }

  /** The IDs from the head on, and the place behind the last one. */
  #chain(): { ids: readonly string[]; last: string } {
    const ids: string[] = [];
    let last = this.#name;
    for (let id = this.#read(last); id !== undefined; id = this.#read(last)) {
      ids.push(id);
      last = `${this.#name}-${id}-next`;
    }
    return { ids, last };
  }

  /** False if the place of this ID is void. */
  #becomeHead(id: string, ids: readonly string[]): boolean {
    const head = this.#read(this.#name);
    if (head === undefined || !ids.includes(head)) return false;
    const draft = `${this.#name}-${id}-head`;
    this.#link(id, draft);
    fs.renameSync(this.#folder.at(draft), this.#folder.at(this.#name));
    for (const each of ids) {
      this.#remove(`${this.#name}-${each}`);
      this.#remove(`${this.#name}-${each}-next`);
    }
    return true;
  }

  /**
   * If others wait, the next one makes itself the head. Else removes the head, and then what killed processes have left. It was there
   * before, so that nothing of the next queue is removed; by its name, so that a socket that has its name since then stays.
   */
  async #release(id: string, close: () => void): Promise<void> {
    const own = `${this.#name}-${id}`;
    try {
      const left = this.#folder.list().filter((name) => name.startsWith(`${this.#name}-`) && name !== own);
      const ids = left.map((name) => name.split('-')[1] ?? '').filter((each) => each !== id);
      if (!(await this.#isListening(ids))) for (const name of [this.#name, ...left]) this.#remove(name);
    } catch {
      // The socket closes, and that is what counts.
    } finally {
      this.#close(id, close);
    }
  }

  #close(id: string, close: () => void): void {
    close();
    this.#remove(`${this.#name}-${id}`);
    this.#folder.removeIfEmpty();
  }

  async #isListening(ids: readonly string[]): Promise<boolean> {
    // One after the other: those that gave up are many if a stopped process has the lock, and a process may open few sockets.
    for (const id of ids) if (!(await untilEnded(this.#socket(id), { deadline: 0, signals: [] }))) return true;
    return false;
  }

  #socket(id: string): string {
    return this.#folder.socketAt(`${this.#name}-${id}`);
  }

  #read(name: string): string | undefined {
    try {
      return fs.readlinkSync(this.#folder.at(name));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw openError(this.#folder.at(name), error);
    }
  }

  /** False if there is one. */
  #link(id: string, name: string): boolean {
    try {
      fs.symlinkSync(id, this.#folder.at(name));
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw creationError(this.#folder.at(name), error);
    }
  }

  #remove(name: string): void {
    removeIfThere(this.#folder.at(name));
  }
}
