import { type ChangedOptions, pause, readChangedOptions, type TokenRecord, type TokenStore } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';

/** A store in memory that tells its callers of changes. */
export class WatchedStore extends MemoryStore implements TokenStore {
  readonly #watchers = new Set<() => void>();

  override set(name: string, record: TokenRecord): void {
    super.set(name, record);
    this.#wake();
  }

  override delete(name: string): boolean {
    const deleted = super.delete(name);
    this.#wake();
    return deleted;
  }

  async changed(_name: string, options: ChangedOptions): Promise<void> {
    const { timeout, signal } = readChangedOptions(options);
    await pause(timeout, signal ? [signal] : [], (wake) => {
      this.#watchers.add(wake);
      return () => this.#watchers.delete(wake);
    });
  }

  #wake(): void {
    for (const wake of this.#watchers) wake();
  }
}
