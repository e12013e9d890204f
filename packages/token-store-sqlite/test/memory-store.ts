import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContractStore, ExclusivelyOptions } from '../src/contract.ts';
import type { TokenRecord } from '../src/index.ts';

/** The least that passes the contract: asynchronous, without files, to show that the contract is not about SQLite. */
export class MemoryStore implements ContractStore {
  readonly #records = new Map<string, TokenRecord>();
  readonly #tails = new Map<string, Promise<void>>();
  readonly #running = new Set<object>();
  readonly #within = new AsyncLocalStorage<{ appName: string }[]>();

  async get(appName: string): Promise<TokenRecord | undefined> {
    const record = this.#records.get(appName);
    return record && { ...record };
  }

  async set(appName: string, record: TokenRecord): Promise<void> {
    const entries = Object.entries(record).filter(([, value]) => value !== undefined);
    this.#records.set(appName, Object.fromEntries(entries) as unknown as TokenRecord);
  }

  async replace(appName: string, previous: string | undefined, record: TokenRecord): Promise<boolean> {
    if (this.#records.get(appName)?.refreshToken !== previous) return false;
    await this.set(appName, record);
    return true;
  }

  async delete(appName: string): Promise<boolean> {
    return this.#records.delete(appName);
  }

  async list(): Promise<string[]> {
    return [...this.#records.keys()].sort();
  }

  async exclusively<T>(appName: string, task: () => Promise<T>, options: ExclusivelyOptions = {}): Promise<T> {
    const { timeout = 60_000, signal } = options;
    if (!(timeout >= 0)) throw new RangeError('timeout must be 0 or more');
    signal?.throwIfAborted();
    const outer = this.#within.getStore() ?? [];
    if (outer.some((hold) => hold.appName === appName && this.#running.has(hold))) throw new TypeError('re-entry');

    const before = this.#tails.get(appName);
    let leave = (): void => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const tail = (before ?? Promise.resolve()).then(() => left);
    this.#tails.set(appName, tail);
    void tail.then(() => this.#tails.get(appName) === tail && this.#tails.delete(appName));
    const hold = { appName };
    try {
      if (before) await this.#wait(before, timeout, signal);
      this.#running.add(hold);
      return await this.#within.run([...outer, hold], task);
    } finally {
      this.#running.delete(hold);
      leave();
    }
  }

  async #wait(turn: Promise<void>, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    const done = new AbortController();
    const either = AbortSignal.any([done.signal, ...(signal ? [signal] : [])]);
    const late = delay(timeout, 'late', { signal: either }).catch(() => 'aborted');
    const outcome = await Promise.race([turn, late]);
    done.abort();
    signal?.throwIfAborted();
    if (outcome === 'late') throw Object.assign(new Error('busy'), { code: 'STORE_BUSY' });
  }
}
