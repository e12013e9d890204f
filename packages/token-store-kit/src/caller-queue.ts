import { AsyncLocalStorage } from 'node:async_hooks';
import { readExclusivelyOptions } from './check-options.ts';
import { checkText } from './check-text.ts';
import { labelOf } from './reserved-names.ts';
import { Slots } from './slots.ts';
import type { ExclusivelyOptions, Lock } from './token-store.ts';
import { TokenStoreError, type TokenStoreErrorDetails } from './token-store-error.ts';

/** The limits of a caller's remaining wait, after its turn in the queue has come. */
export interface LockWait {
  /** A time of `performance.now()`. */
  readonly deadline: number;
  /** Any of them ends the wait with its reason. */
  readonly signals: readonly AbortSignal[];
}

/** Options of {@link CallerQueue.run}. */
export interface QueueOptions extends ExclusivelyOptions {
  /**
   * Acquires the lock that processes share, when it is this caller's turn. Resolves with the function that releases the lock after the
   * task, or with undefined after the deadline. Default: no such lock.
   */
  acquire?: (wait: LockWait) => Promise<(() => unknown) | undefined>;
  /** Callers with the same key wait for each other. Needed if one queue serves several stores. Default: the name. */
  key?: string;
  /** Aborts when the store is closed. Ends the wait with its reason, as `signal` does. */
  closing?: AbortSignal;
  /** The lock holder, for the error of a caller that has waited for `timeout`. Default: this process. */
  holder?: () => TokenStoreErrorDetails;
}

/** A task, and the task that started it, if any. */
interface Run {
  readonly key: string;
  readonly outer: Run | undefined;
  ended: boolean;
}

/**
 * Queues the callers of one process: for each name one task runs at a time, in the order of the calls. For a store in
 * memory, this is all of `exclusively`. A store that several processes share has to acquire its own lock as well, by
 * `acquire` or within the task.
 */
export class CallerQueue {
  readonly #runs = new AsyncLocalStorage<Run>();
  /** For each key with a running task. */
  readonly #turns = new Map<string, Slots>();

  /**
   * Runs `task` after the tasks of all earlier callers, and returns its result. The signal of its lock never aborts.
   *
   * @throws {TokenStoreError} STORE_BUSY if the turn, or the lock that processes share, did not come within `timeout`.
   * @throws {TypeError} if it is called from a running task for the same key, which would wait for itself; and for a
   * name, a task or options of a wrong type.
   * @throws {RangeError} if the timeout is negative or NaN.
   */
  async run<T>(name: string, task: (lock: Lock) => Promise<T>, options: QueueOptions = {}): Promise<T> {
    checkText(name, 'name');
    const { key = name, closing, acquire, holder = () => ({ pid: process.pid }), ...rest } = options;
    const { timeout, signal } = readExclusivelyOptions(task, rest);
    const deadline = performance.now() + timeout;
    const signals = [closing, signal].filter((each) => each !== undefined);
    for (const each of signals) each.throwIfAborted();
    const outer = this.#runs.getStore();
    for (let run = outer; run; run = run.outer) {
      if (run.key === key && !run.ended) {
        throw new TypeError(
          `exclusively(${JSON.stringify(name)}) was called inside its own task, which would deadlock. Do the work in that task`,
        );
      }
    }
    const turns = this.#turns.get(key) ?? new Slots(1);
    this.#turns.set(key, turns);
    if (!(await turns.acquire(timeout, signals))) throw lockHeldError(name, timeout, holder());
    const run: Run = { key, outer, ended: false };
    try {
      const release = await acquire?.({ deadline, signals });
      if (acquire && !release) throw lockHeldError(name, timeout, holder());
      try {
        // The caller may have aborted its wait during `acquire`.
        for (const each of signals) each.throwIfAborted();
        return await this.#runs.run(run, () => task({ signal: new AbortController().signal }));
      } finally {
        run.ended = true;
        await release?.();
      }
    } finally {
      if (!turns.release()) this.#turns.delete(key);
    }
  }
}

/** STORE_BUSY for a caller of `exclusively` that did not acquire the lock of `name` within `timeout` milliseconds. */
export function lockHeldError(name: string, timeout: number, details: TokenStoreErrorDetails): TokenStoreError {
  const { path, pid, holder = pid === undefined ? 'another process' : processName(pid) } = details;
  const limit = timeout < 1_000 ? `${timeout} ms` : `${timeout / 1_000} s`;
  return new TokenStoreError(
    'STORE_BUSY',
    `${path === undefined ? '' : `${path}: `}${holder} holds the lock of ${JSON.stringify(labelOf(name))}, which did not become free within ${limit}`,
    { reason: 'lock-held', remedy: 'Try again. If that process hangs, end it', ...details },
  );
}

function processName(pid: number): string {
  return pid === process.pid ? `this process (${pid})` : `process ${pid}`;
}
