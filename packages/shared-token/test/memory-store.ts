import { AsyncLocalStorage } from 'node:async_hooks';
import { within } from 'testing-authority/within';
import { CallerQueue, comparedToken } from 'token-store-kit';
import type { ExclusivelyOptions, Lock, TokenRecord, TokenStore } from '../src/index.ts';

/**
 * A store of a user's own: in memory, asynchronous, with locks that can be lost. Two SharedTokens with one of these are
 * like two processes with one file.
 */
export class MemoryStore implements TokenStore {
  readonly records = new Map<string, TokenRecord>();
  /** How often a record was read. */
  reads = 0;
  /** Called before each write: the error to throw, if any. */
  refuse: (record: TokenRecord) => Error | undefined = () => undefined;
  #hold: (() => Promise<void>) | undefined;
  readonly #queue = new CallerQueue();
  readonly #holding = new AsyncLocalStorage<Lock>();
  readonly #loseLock = new Map<string, () => void>();

  async get(name: string): Promise<TokenRecord | undefined> {
    this.reads++;
    return this.records.get(name);
  }

  async set(name: string, record: TokenRecord): Promise<void> {
    await this.#hold?.();
    const refusal = this.refuse(record);
    if (refusal) throw refusal;
    // As every store does: a field that is undefined when written is absent when read.
    this.records.set(name, JSON.parse(JSON.stringify(record)));
  }

  async replace(name: string, previous: string | undefined, record: TokenRecord): Promise<boolean> {
    // A task whose lock was lost writes nothing over the record of its successor.
    if (this.#holding.getStore()?.signal.aborted) return false;
    if (comparedToken(this.records.get(name)) !== previous) return false;
    await this.set(name, record);
    return true;
  }

  async delete(name: string): Promise<boolean> {
    return this.records.delete(name);
  }

  async list(): Promise<string[]> {
    return [...this.records.keys()].sort();
  }

  async exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T> {
    let result: Promise<T> | undefined;
    const untilEndedOrLost = async (): Promise<void> => {
      const controller = new AbortController();
      const lost = Promise.withResolvers<void>();
      this.#loseLock.set(name, () => {
        controller.abort(new Error('the lease has ended'));
        lost.resolve();
      });
      const lock = { signal: controller.signal };
      result = this.#holding.run(lock, () => task(lock));
      await Promise.race([lost.promise, result.catch(() => {})]);
    };
    await this.#queue.run(name, untilEndedOrLost, options);
    return result as unknown as Promise<T>;
  }

  /** Writes wait from now on, until `goOn` is called. `begun` resolves when the first one waits, and rejects after 10 s. */
  holdWrites(): { begun: Promise<void>; goOn: () => void } {
    const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    this.#hold = () => {
      begun.resolve();
      return released.promise;
    };
    const goOn = (): void => {
      this.#hold = undefined;
      released.resolve();
    };
    return { begun: within('what it waits for', begun.promise), goOn };
  }

  /** The next read is answered when the returned function is called, with what is stored when it is asked. */
  holdRead(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.get = async (name) => {
      Reflect.deleteProperty(this, 'get');
      const record = await this.get(name);
      await promise;
      return record;
    };
    return resolve;
  }

  /** The task that holds the lock loses it: the next one can acquire it now. */
  loseLock(name: string): void {
    this.#loseLock.get(name)?.();
  }
}

/** The same with `changed`, which resolves when the record was written. */
export class NotifyingStore extends MemoryStore {
  /** How many callers wait in `changed` now. */
  watchers = 0;
  readonly #wake = new Set<() => void>();

  override async set(name: string, record: TokenRecord): Promise<void> {
    await super.set(name, record);
    for (const wake of this.#wake) wake();
  }

  async changed(_name: string, { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined }) {
    this.watchers++;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeout);
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort);
    this.#wake.add(resolve);
    try {
      await promise;
    } finally {
      this.watchers--;
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#wake.delete(resolve);
    }
  }
}
