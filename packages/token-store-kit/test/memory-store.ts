import {
  CallerQueue,
  checkRecord,
  type ExclusivelyOptions,
  type Lock,
  type TokenRecord,
  type TokenStore,
} from '../src/index.ts';

/** Keeps records for the callers of one process, until it ends. */
export class MemoryStore implements TokenStore {
  readonly #records = new Map<string, TokenRecord>();
  readonly #queue = new CallerQueue();

  get(name: string): TokenRecord | undefined {
    const record = this.#records.get(name);
    return record && { ...record };
  }
  set(name: string, record: TokenRecord): void {
    this.#records.set(name, checkRecord(record));
  }
  replace(name: string, previous: string | undefined, record: TokenRecord): boolean {
    if (this.#records.get(name)?.refreshToken !== previous) return false;
    this.set(name, record);
    return true;
  }
  delete(name: string): boolean {
    return this.#records.delete(name);
  }
  list(): string[] {
    return [...this.#records.keys()].sort();
  }
  exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T> {
    return this.#queue.run(name, task, options);
  }
}
