import type { TokenRecord, TokenStore } from 'shared-token';
import type { Fact, Holder } from '../facts.ts';
import type { History } from '../history.ts';
import type { Machine, Process } from '../machine/machine.ts';
import { leaseMs } from './lease-lock.ts';
import { ModelLock } from './model-lock.ts';

/**
 * `file`: answers at once, and its locks end with their processes, as token-store-sqlite. `kernel`: the same locks, but it answers
 * later. `lease`: answers later, and a lock ends when it was not renewed in time, as token-store-postgres.
 */
export const storeKinds = ['file', 'kernel', 'lease'] as const;
export type StoreKind = (typeof storeKinds)[number];

export interface StoreOptions {
  readonly kind: StoreKind;
  /** Whether it can tell of a change. */
  readonly tells: boolean;
  /** One call in so many fails. 0: none. */
  faultOneIn: number;
  /** One request or answer in so many takes long. 0: none. */
  lateOneIn: number;
  /** Whether some calls never settle. */
  readonly isSilent: boolean;
}

type Outage = 'none' | 'full' | 'unreachable';

/** What a schedule needs of the store that its processes share. */
export interface StoreUnderTest {
  readonly options: StoreOptions;
  /**
   * What the task of this process that runs for a name was granted, whether or not its lease has ended. After that end another one may
   * run beside it: `signal` is one that aborts with the lock.
   */
  holderOf(name: string, process: Process, signal?: AbortSignal): Holder | undefined;
  /** The store as one process has it open. */
  open(process: Process): TokenStore;
  /** Writes without a lock, as another program. */
  write(name: string, record: TokenRecord, by: undefined): void;
  outage: Outage;
  /** Who holds which lock, and who waits, as text. */
  describeLocks(): string;
  /** The store's clock is set, and leases end earlier, or, if negative, later. By 0: this process hears that its leases are lost. */
  slip(milliseconds: number, process: Process): void;
  /** Told of all writes. Set by the schedule. */
  report: (fact: Fact) => void;
}

/** What all processes share. */
export class ModelStore {
  readonly history: History;
  readonly machine: Machine;
  readonly options: StoreOptions;
  outage: Outage = 'none';
  readonly #locks = new Map<string, ModelLock>();
  readonly #watchers = new Set<{ name: string; process: Process; tell: () => void }>();

  constructor(history: History, options: StoreOptions) {
    this.history = history;
    this.machine = history.machine;
    this.options = options;
  }

  lock(name: string): ModelLock {
    let lock = this.#locks.get(name);
    if (!lock) {
      lock = new ModelLock(this.machine, this.options.kind === 'lease' ? leaseMs : undefined);
      this.#locks.set(name, lock);
    }
    return lock;
  }

  /** The locks that end with this process. A lease stays, also that of a process that exits before it hears that it has one. */
  bury(process: Process): void {
    for (const lock of this.#locks.values()) {
      lock.bury(process);
      if (lock.holder?.process === process) this.history.troubles.add('kill');
    }
  }

  describeLocks(): string {
    return [...this.#locks].map(([name, lock]) => `${name} ${lock.describe()}`).join();
  }

  /** After close(), a write is not done again for long. */
  storeFailed(process: Process): void {
    const isClosed = this.history.instances.some((instance) => instance.process === process && instance.isClosed);
    if (isClosed) this.history.excuse(process, 'the store failed');
  }

  holderOf(name: string, process: Process, signal?: AbortSignal): Holder | undefined {
    const holders = [...(this.#locks.get(name)?.tasks ?? [])].filter((holder) => holder.process === process);
    return holders.find(({ leadsTo }) => signal && leadsTo?.(signal)) ?? holders.at(-1);
  }

  slip(milliseconds: number, process: Process): void {
    for (const lock of this.#locks.values()) {
      lock.slip(milliseconds);
      if (milliseconds === 0 && lock.holder?.process === process) lock.holder.lose?.();
    }
  }

  write(name: string, record: TokenRecord, by: Process | undefined): void {
    const kept: TokenRecord = { ...record, data: record.data && { ...record.data } };
    for (const field in kept) {
      if (kept[field as keyof TokenRecord] === undefined) delete kept[field as keyof TokenRecord];
    }
    this.report({ type: 'written', name, before: this.history.stored.get(name), record: kept, by });
    this.#tell(name);
  }

  remove(name: string, by: Process): boolean {
    const before = this.history.stored.get(name);
    if (!before) return false;
    this.report({ type: 'deleted', name, before, by });
    this.#tell(name);
    return true;
  }

  /** Set by the schedule. */
  report: (fact: Fact) => void = () => {};

  watch(name: string, process: Process, tell: () => void): () => void {
    const watcher = { name, process, tell };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tell(name: string): void {
    for (const watcher of this.#watchers) {
      if (watcher.name === name) this.machine.enqueue(undefined, 'a watcher is told', watcher.tell);
    }
  }
}
