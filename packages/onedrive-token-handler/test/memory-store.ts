import type { Lock } from 'shared-token';
import type { TokenRecord, TokenStore } from '../src/index.ts';

/** An asynchronous store in memory, like one that a user writes. It can refuse a write, as if a disk were full. */
export class MemoryStore implements TokenStore {
  readonly records = new Map<string, TokenRecord>();
  readonly #tails = new Map<string, Promise<unknown>>();
  /** Called before each write. Returns the error to throw, if any. */
  refuse: (record: TokenRecord) => Error | undefined = () => undefined;

  async get(appName: string): Promise<TokenRecord | undefined> {
    return this.records.get(appName);
  }

  async set(appName: string, record: TokenRecord): Promise<void> {
    const refusal = this.refuse(record);
    if (refusal) throw refusal;
    this.records.set(appName, record);
  }

  async replace(appName: string, previous: string | undefined, record: TokenRecord): Promise<boolean> {
    if (this.records.get(appName)?.refreshToken !== previous) return false;
    await this.set(appName, record);
    return true;
  }

  async delete(appName: string): Promise<boolean> {
    return this.records.delete(appName);
  }

  async list(): Promise<string[]> {
    return [...this.records.keys()].sort();
  }

  async exclusively<T>(appName: string, task: (lock: Lock) => Promise<T>): Promise<T> {
    const { signal } = new AbortController();
    const turn = (this.#tails.get(appName) ?? Promise.resolve()).then(() => task({ signal }));
    this.#tails.set(
      appName,
      turn.catch(() => {}),
    );
    return turn;
  }
}
