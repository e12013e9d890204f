import {
  CallerQueue,
  checkRecord,
  checkText,
  comparedToken,
  type ExclusivelyOptions,
  type Lock,
  type TokenRecord,
  type TokenStore,
} from '../src/index.ts';

export class MemoryStore implements TokenStore {
  readonly #records = new Map<string, TokenRecord>();
  readonly #queue = new CallerQueue();
  get(name: string) {
    checkText(name, 'name');
    return structuredClone(this.#records.get(name));
  }
  set(name: string, record: TokenRecord) {
    checkText(name, 'name');
    this.#records.set(name, checkRecord(record));
  }
  replace(name: string, previous: string | undefined, record: TokenRecord) {
    if (comparedToken(this.get(name)) !== previous) return false;
    this.set(name, record);
    return true;
  }
  delete(name: string) {
    checkText(name, 'name');
    return this.#records.delete(name);
  }
  list() {
    return [...this.#records.keys()].sort();
  }
  exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions) {
    return this.#queue.run(name, task, options);
  }
}
