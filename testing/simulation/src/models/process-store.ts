import type { ChangedOptions, ExclusivelyOptions, Lock, TokenRecord, TokenStore } from 'shared-token';
import { comparedToken, type MaybePromise, TokenStoreError } from 'token-store-kit';
import type { Holder } from '../facts.ts';
import type { History } from '../history.ts';
import { doing } from '../machine/doing.ts';
import type { Machine, Process } from '../machine/machine.ts';
import { SimulatedController } from '../machine/signals.ts';
import type { Timer } from '../machine/timer.ts';
import { LeaseLock, lockLost } from './lease-lock.ts';
import type { Waiter } from './model-lock.ts';
import { ModelStore, type StoreOptions, type StoreUnderTest } from './model-store.ts';
import { StoreCalls } from './store-call.ts';

/** The model of a store. */
export function openModelStore(history: History, options: StoreOptions): StoreUnderTest {
  const store = new ModelStore(history, options);
  const open = (process: Process): TokenStore => {
    process.onDeath.push(() => store.bury(process));
    const opened = new ProcessStore(store, process);
    return options.tells ? Object.assign(opened, { changed: opened.watch.bind(opened) }) : opened;
  };
  return Object.assign(store, { open });
}

/** A task of `exclusively` that runs, in the asynchronous context of its work. */
interface Task {
  readonly name: string;
  readonly holder: Holder;
  readonly lock: LeaseLock | undefined;
  readonly outer: Task | undefined;
  hasEnded: boolean;
}

const neverAborted: Lock = { signal: new SimulatedController().signal as unknown as AbortSignal };

class ProcessStore implements TokenStore {
  readonly #store: ModelStore;
  readonly #machine: Machine;
  readonly #process: Process;
  readonly #calls: StoreCalls;

  constructor(store: ModelStore, process: Process) {
    this.#store = store;
    this.#machine = store.machine;
    this.#process = process;
    this.#calls = new StoreCalls(store, process);
  }

  get(name: string): MaybePromise<TokenRecord | undefined> {
    const holder = this.#context?.holder;
    const { steps: askedAt } = this.#machine;
    return this.#calls.ask('get', (isAnswered) => {
      const record = this.#store.history.stored.get(name);
      if (isAnswered) this.#store.history.lastRead.set(this.#process, record);
      if (isAnswered && holder) holder.lastRead = { record, askedAt };
      return record?.data ? { ...record, data: { ...record.data } } : record && { ...record };
    });
  }

  set(name: string, record: TokenRecord): MaybePromise<void> {
    const task = this.#taskOf(name);
    return this.#calls.ask('set', () => {
      if (this.#isLost(task)) throw lockLost();
      this.#store.write(name, record, this.#process);
    });
  }

  replace(name: string, previous: string | undefined, record: TokenRecord): MaybePromise<boolean> {
    const task = this.#taskOf(name);
    return this.#calls.ask('replace', () => {
      if (this.#isLost(task)) return false;
      if (comparedToken(this.#store.history.stored.get(name)) !== previous) return false;
      this.#store.write(name, record, this.#process);
      return true;
    });
  }

  delete(name: string): MaybePromise<boolean> {
    const task = this.#taskOf(name);
    return this.#calls.ask('delete', () => {
      if (this.#isLost(task)) throw lockLost();
      return this.#store.remove(name, this.#process);
    });
  }

  list(): MaybePromise<readonly string[]> {
    return this.#calls.ask('list', () => [...this.#store.history.stored.keys()].sort());
  }

  async exclusively<T>(
    name: string,
    task: (lock: Lock) => Promise<T>,
    { timeout = 60_000, signal }: ExclusivelyOptions = {},
  ): Promise<T> {
    signal?.throwIfAborted();
    const outer = this.#context;
    for (let each = outer; each; each = each.outer) {
      if (each.name === name && !each.hasEnded) throw new TypeError(`exclusively(${name}) within its own task`);
    }
    if (this.#calls.isSilent()) return new Promise(() => {});
    const askedAt = this.#machine.now;
    const holder = await this.#process.during(doing.waitForLock, this.#acquire(name, timeout, signal));
    const lease = this.#store.options.kind === 'lease' ? new LeaseLock(this.#store, name, holder, askedAt) : undefined;
    if (lease) {
      holder.lose = () => lease.lose();
      holder.leadsTo = (signal) => lease.leadsTo(signal);
    }
    const running: Task = { name, holder, lock: lease, outer, hasEnded: false };
    const { tasks } = this.#store.lock(name);
    tasks.add(holder);
    try {
      const run = (): Promise<T> => task((lease as unknown as Lock) ?? neverAborted);
      return await this.#process.during(doing.holdLock, this.#machine.context.run(running, run));
    } finally {
      running.hasEnded = true;
      tasks.delete(holder);
      lease?.end();
      await this.#release(name, holder);
    }
  }

  /** `changed` of a store that can tell. */
  watch(name: string, { timeout, signal }: ChangedOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) return Promise.reject(signal.reason);
    const end = (): void => {
      timer.finish();
      unwatch();
      signal?.removeEventListener('abort', abort);
    };
    const wake = (): void => {
      if (timer.isDone) return;
      end();
      this.#machine.enqueue(this.#process, 'hears of a change', resolve);
    };
    const abort = (): void => {
      end();
      reject(signal?.reason);
    };
    const timer = this.#machine.setTimer(this.#process, timeout, () => {
      end();
      resolve();
    });
    const unwatch = this.#store.watch(name, this.#process, wake);
    signal?.addEventListener('abort', abort);
    return promise;
  }

  #acquire(name: string, timeout: number, signal: AbortSignal | undefined): Promise<Holder> {
    const machine = this.#machine;
    const process = this.#process;
    const lock = this.#store.lock(name);
    const { promise, resolve, reject } = Promise.withResolvers<Holder>();
    let isOver = false;
    const end = (): void => {
      isOver = true;
      timer?.finish();
      signal?.removeEventListener('abort', abort);
    };
    const abort = (): void => {
      end();
      lock.leave(waiter);
      reject(signal?.reason);
    };
    const waiter: Waiter = {
      process,
      askedAt: machine.steps,
      acquired: (holder) => {
        // Until the answer has come, the process does not know that it has the lock.
        machine.enqueue(
          process,
          () => `has the lock ${JSON.stringify(name)}`,
          () => {
            if (isOver) {
              lock.release(holder);
              return;
            }
            end();
            resolve(holder);
          },
        );
      },
    };
    let timer: Timer | undefined;
    const giveUp = (): void => {
      if (isOver || (!lock.leave(waiter) && timeout > 0)) return;
      end();
      reject(new TokenStoreError('STORE_BUSY', 'another process holds the lock', { reason: 'lock-held' }));
    };
    signal?.addEventListener('abort', abort);
    if (timeout > 0) timer = machine.setTimer(process, timeout, giveUp);
    machine.enqueue(
      undefined,
      () => `process ${process.id} asks for the lock ${JSON.stringify(name)}`,
      () => {
        if (isOver || process.isDead) return;
        lock.join(waiter);
        // Behind the step in which the lock would be acquired.
        if (timeout <= 0) machine.setTimer(process, 1, giveUp);
      },
    );
    return promise;
  }

  async #release(name: string, holder: Holder): Promise<void> {
    const release = (): void => {
      holder.isReleased = holder.endsAt > this.#machine.now;
      this.#store.lock(name).release(holder);
    };
    // The kernel has done that already.
    if (this.#process.isDead) return;
    if (this.#store.options.kind !== 'lease') {
      this.#machine.note(this.#process, () => `releases the lock ${JSON.stringify(name)}`);
      release();
      return;
    }
    await this.#calls.askLater('release', release).catch(() => {});
  }

  get #context(): Task | undefined {
    return this.#machine.context.getStore() as Task | undefined;
  }

  /** The task that this call is part of. */
  #taskOf(name: string): Task | undefined {
    for (let task = this.#context; task; task = task.outer) {
      if (task.name === name && !task.hasEnded) return task;
    }
    return undefined;
  }

  /** Whether a write of this task does not count any more, because its lock was lost or released. */
  #isLost(task: Task | undefined): boolean {
    if (!task || this.#store.lock(task.name).isHeldBy(task.holder)) return false;
    task.lock?.lose();
    return true;
  }
}
