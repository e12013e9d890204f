import { setTimeout as delay } from 'node:timers/promises';
import {
  type ChangedOptions,
  checkRecord,
  type ExclusivelyOptions,
  type Lock,
  readChangedOptions,
  type TokenRecord,
  type TokenStore,
} from '../src/index.ts';
import { WatchedStore } from './watched-store.ts';

/** A store as over a network: reads answer late, and writes happen late, so nothing is true before its promise has resolved. */
export class LateStore implements TokenStore {
  readonly #store = new WatchedStore();
  #waits = 0;

  async changed(name: string, options: ChangedOptions) {
    readChangedOptions(options);
    // A store may say too often that something may have changed.
    if (++this.#waits % 2 === 0 || options.signal?.aborted) await this.#store.changed(name, options);
  }

  async get(name: string) {
    const record = this.#store.get(name);
    await delay(1);
    return record;
  }

  async set(name: string, record: TokenRecord) {
    const copy = checkRecord(record);
    await delay(8);
    this.#store.set(name, copy);
  }

  async replace(name: string, previous: string | undefined, record: TokenRecord) {
    const copy = checkRecord(record);
    await delay(3);
    return this.#store.replace(name, previous, copy);
  }

  async delete(name: string) {
    await delay(6);
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
