import type { AsyncLocalStorage } from 'node:async_hooks';
import { CallerQueue, type Lock, lockHeldError, type TokenStoreErrorDetails } from 'token-store-kit';
import { toKey } from '../tables/names.ts';
import { acquireLease, type LeaseContext } from './acquire-lease.ts';
import { Lease } from './lease.ts';

/** A running task, and the task from which it was started, if any. */
interface Run {
  readonly key: string;
  readonly lease: Lease;
  readonly outer: Run | undefined;
  ended: boolean;
}

export interface ExclusiveRequest {
  readonly name: string;
  /** In milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly closing: AbortSignal;
}

/** The locks of one store. */
export class Locks {
  readonly #context: LeaseContext;
  readonly #storeId: string;
  readonly #leaseTimeMs: number;
  readonly #callers = new CallerQueue();
  readonly #runs: AsyncLocalStorage<Run> = new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)();
  readonly #running = new Set<Lease>();
  #onIdle: (() => void) | undefined;

  constructor(context: LeaseContext, storeId: string, leaseTimeMs: number) {
    this.#context = context;
    this.#storeId = storeId;
    this.#leaseTimeMs = leaseTimeMs;
  }

  /** See `PostgresTokenStore.exclusively`. */
  run<T>(request: ExclusiveRequest, task: (lock: Lock) => Promise<T>): Promise<T> {
    const { name, timeout, signal, closing } = request;
    const deadline = performance.now() + timeout;
    const acquireAndRun = async (): Promise<T> => {
      // A number would not do: two copies of a process that was frozen and cloned count alike.
      const call = process.getBuiltinModule('node:crypto').randomBytes(6).toString('base64url');
      const lease = await acquireLease(this.#context, {
        name,
        // A statement of an earlier call may still be under way: it must not act for this one.
        owner: `${this.#storeId}-${call}`,
        holder: thisHolder(),
        leaseTimeMs: this.#leaseTimeMs,
        deadline,
        signals: signal ? [closing, signal] : [closing],
      });
      if (lease instanceof Lease) return this.#runTask(lease, task);
      throw lockHeldError(name, timeout, detailsOf(lease.holder));
    };
    const holder = (): TokenStoreErrorDetails => detailsOf(thisHolder());
    return this.#callers.run(name, acquireAndRun, { timeout, signal, closing, holder });
  }

  /**
   * The lease that a write of this name depends on. Undefined if the caller is not within a running task for this name.
   */
  leaseFor(name: string): Lease | undefined {
    const key = toKey(name);
    for (let run = this.#runs.getStore(); run; run = run.outer) if (run.key === key && !run.ended) return run.lease;
    return undefined;
  }

  /** Waits for all tasks, but not if the caller is within one. Tasks that need longer than `milliseconds` lose their locks. */
  async idle(milliseconds: number): Promise<void> {
    if (this.#running.size === 0 || this.#runs.getStore()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const timer = setTimeout(resolve, milliseconds);
    await promise;
    clearTimeout(timer);
    for (const lease of this.#running) lease.lose();
  }

  async #runTask<T>(lease: Lease, task: (lock: Lock) => Promise<T>): Promise<T> {
    const run: Run = { key: lease.key, lease, outer: this.#runs.getStore(), ended: false };
    this.#running.add(lease);
    try {
      return await this.#runs.run(run, () => task(lease));
    } finally {
      run.ended = true;
      await lease.release();
      this.#running.delete(lease);
      if (this.#running.size === 0) this.#onIdle?.();
    }
  }
}

const hostname = (): string => process.getBuiltinModule('node:os').hostname();

/** How the errors of other processes name this one. */
function thisHolder(): string {
  return `process ${process.pid} on ${hostname()}`;
}

/** For STORE_BUSY: `pid` only if the holder is a process of this machine. */
function detailsOf(holder: string | undefined): TokenStoreErrorDetails {
  const [, pid, host] = /^process (\d+) on (.*)$/s.exec(holder ?? '') ?? [];
  return { holder, pid: pid !== undefined && host === hostname() ? Number(pid) : undefined };
}
