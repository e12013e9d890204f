import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { CallerQueue, type Lock, lockHeldError, type TokenStoreErrorDetails } from 'token-store-kit';
import { settled } from '../connection/settled.ts';
import { toStoredName } from '../stored-name.ts';
import { acquireLease, type LeaseRequest } from './acquire-lease.ts';
import { Lease } from './lease.ts';

/** A caller elsewhere that wants the lock asks again within this time if it is told of the release, and if it is not. */
const giveWayMs = { told: 100, untold: 1_200 };

/** A running task, and the task from which it was started, if any. */
interface Run {
  readonly name: string;
  readonly lease: Lease;
  readonly outer: Run | undefined;
  ended: boolean;
}

type LockContext = Pick<LeaseRequest, 'database' | 'statements' | 'watcher' | 'leaseTimeMs'>;

export interface ExclusiveRequest {
  readonly name: string;
  /** In milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly closing: AbortSignal;
}

/** The locks of one store. */
export class Locks {
  readonly #context: LockContext;
  readonly #callers = new CallerQueue();
  readonly #runs = new AsyncLocalStorage<Run>();
  readonly #running = new Map<Promise<unknown>, Lease>();
  /** Names whose lock other processes wanted when it was released here, and until when they may come, by `performance.now()`. */
  readonly #wanted = new Map<string, number>();

  constructor(context: LockContext) {
    this.#context = context;
  }

  /** See `PostgresTokenStore.exclusively`. */
  run<T>({ name, timeout, signal, closing }: ExclusiveRequest, task: (lock: Lock) => Promise<T>): Promise<T> {
    const deadline = performance.now() + timeout;
    const key = toStoredName(name);
    const acquireAndRun = async (): Promise<T> => {
      const lease = await acquireLease({
        ...this.#context,
        name,
        key,
        topic: this.#context.watcher.topicOf(name),
        // Random: two copies of a process that was frozen and cloned count alike.
        owner: randomBytes(15).toString('base64url'),
        holder: thisHolder(),
        deadline,
        giveWayUntil: this.#wanted.get(name) ?? 0,
        signals: signal ? [closing, signal] : [closing],
      });
      this.#wanted.delete(name);
      if (!(lease instanceof Lease)) throw lockHeldError(name, timeout, detailsOf(lease.holder));
      const running = this.#runTask(lease, task);
      this.#running.set(running, lease);
      return running.finally(() => this.#running.delete(running));
    };
    return this.#callers.run(name, acquireAndRun, { timeout, signal, closing, holder: () => detailsOf(thisHolder()) });
  }

  /** The lease that a write of this name depends on. Undefined if the caller is not within a running task for this name. */
  leaseFor(name: string): Lease | undefined {
    for (let run = this.#runs.getStore(); run; run = run.outer) if (run.name === name && !run.ended) return run.lease;
    return undefined;
  }

  /** Waits for all tasks, but not if the caller is within one. Tasks that need longer than `milliseconds` lose their locks. */
  async idle(milliseconds: number): Promise<void> {
    if (this.#runs.getStore()) return;
    await settled(Promise.allSettled(this.#running.keys()), milliseconds);
    for (const lease of this.#running.values()) lease.lose();
  }

  async #runTask<T>(lease: Lease, task: (lock: Lock) => Promise<T>): Promise<T> {
    const { name } = lease.claim;
    const run: Run = { name, lease, outer: this.#runs.getStore(), ended: false };
    try {
      return await this.#runs.run(run, () => task(lease));
    } finally {
      run.ended = true;
      if (await lease.release()) {
        const { isTold } = this.#context.watcher;
        this.#wanted.set(name, performance.now() + (isTold ? giveWayMs.told : giveWayMs.untold));
      }
    }
  }
}

/** How the errors of other processes name this one. */
function thisHolder(): string {
  return `process ${process.pid} on ${hostname()}`;
}

/** For STORE_BUSY: `pid` only if the holder is a process of this machine. */
function detailsOf(holder: string | undefined): TokenStoreErrorDetails {
  const [, pid, host] = /^process (\d+) on (.*)$/s.exec(holder ?? '') ?? [];
  return { holder, pid: pid !== undefined && host === hostname() ? Number(pid) : undefined };
}
