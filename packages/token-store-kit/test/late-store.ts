import { setTimeout as delay } from 'node:timers/promises';
import { checkRecord, type ExclusivelyOptions, type Lock, type TokenRecord, type TokenStore } from '../src/index.ts';
import { WatchedStore } from './watched-store.ts';

/** A store as over a network: reads answer late, and writes happen late, so nothing is true before its promise has resolved. */
export class LateStore implements TokenStore {
  readonly #store = new WatchedStore();
  readonly changed = this.#store.changed.bind(this.#store);

  async get(name: string) {
    const record = this.#store.get(name);
    await delay(1);
    return record;
  }

  async set(name: string, record: TokenRecord) {
    const copy = checkRecord(record);
    await delay(3);
    this.#store.set(name, copy);
  }

  async replace(name: string, previous: string | undefined, record: TokenRecord) {
    const copy = checkRecord(record);
    await delay(3);
    return this.#store.replace(name, previous, copy);
  }

  async delete(name: string) {
    await delay(3);
    return this.#store.delete(name);
  }

  async list() {
    const names = this.#store.list();
    await delay(1);
    return names;
  }

  async exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions) {
    await delay(3);
    return this.#store.exclusively(name, task, options);
  }
}
