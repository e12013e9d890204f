import { AsyncLocalStorage } from 'node:async_hooks';
import { readExclusivelyOptions } from './check-options.ts';
import { checkText } from './check-text.ts';
import { labelOf } from './reserved-names.ts';
import { Slots } from './slots.ts';
import type { ExclusivelyOptions, Lock } from './token-store.ts';
import { TokenStoreError, type TokenStoreErrorDetails } from './token-store-error.ts';

/** What is left of a wait when it is a caller's turn. */
export interface LockWait {
  /** By `performance.now()`. */
  readonly deadline: number;
  /** Each ends the wait with its reason. */
  readonly signals: readonly AbortSignal[];
}

/** Options of {@link CallerQueue.run}. */
export interface QueueOptions extends ExclusivelyOptions {
  /**
   * Acquires the lock that processes share, when it is this caller's turn. Resolves with what releases it after the task, or with undefined
   * after the deadline. Default: there is no such lock.
   */
  acquire?: (wait: LockWait) => Promise<(() => unknown) | undefined>;
  /** What the callers queue for, if one queue serves several stores. Default: the name. */
  key?: string;
  /** Ends the wait with its reason, as `signal` does: for a store that can be closed. */
  closing?: AbortSignal;
  /** Who holds the lock, for the error of a caller whose time is up. Default: this process. */
  holder?: () => TokenStoreErrorDetails;
}

/** A task that runs, and the task from which it was started, if any. */
interface Run {
  readonly key: string;
  readonly outer: Run | undefined;
  ended: boolean;
}

/**
 * The callers of one process that wait for the same name: one task runs at a time, in the order in which the callers
 * came. It is the whole of `exclusively` for a store in memory, and the first half of it for a store that several
 * processes share: such a store acquires its own lock by `acquire`, or within the task.
 */
export class CallerQueue {
  readonly #runs = new AsyncLocalStorage<Run>();
  /** For each key with a running task. */
  readonly #turns = new Map<string, Slots>();

  /**
   * Runs `task` after the tasks of all earlier callers, and returns what it returns. Its lock never aborts.
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
          `exclusively(${JSON.stringify(name)}) was called from a task of exclusively for the same name, and would wait for itself. Do the work in the outer task`,
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
        // The caller may have given up since then.
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
    `${path === undefined ? '' : `${path}: `}${holder} is working with the tokens of ${JSON.stringify(labelOf(name))} and was not done within ${limit}`,
    { reason: 'lock-held', remedy: 'Try again; if it hangs, end it', ...details },
  );
}

function processName(pid: number): string {
  return pid === process.pid ? `this process (${pid})` : `process ${pid}`;
}
