import { comparedToken, type TokenRecord, type TokenStore } from 'token-store-kit';
import { inTime } from './in-time.ts';
import { readStoredRecord } from './read-stored-record.ts';
import { type SharedTokenError, tryAgainError } from './shared-token-error.ts';

/** A store that has not answered for this long counts as silent, until it answers. */
const silentAfterMs = 500;

/** How long a call of the store may take. Stores of this repository report a failure sooner. */
const answerLimitMs = 12_000;

export const silent = (): SharedTokenError => tryAgainError('The store did not answer');

/** The store's answer to a call. Rejects if there is none in time; the effect of a late answer shows when the record is read again. */
export function answered<T>(call: Promise<T>): Promise<T> {
  return inTime(answerLimitMs, call, silent);
}

/** Calls the store for the record of one name. Notices when the store is silent. */
export class StoredRecord {
  readonly #store: TokenStore;
  readonly #name: string;
  #isSilent = false;
  readonly #onSilence = new Set<() => void>();

  constructor({ store, name }: { store: TokenStore; name: string }) {
    this.#store = store;
    this.#name = name;
  }

  async get(): Promise<TokenRecord | undefined> {
    return readStoredRecord(await answered(this.#ask(() => this.#store.get(this.#name))));
  }

  set(record: TokenRecord): Promise<void> {
    return this.#ask(() => this.#store.set(this.#name, record));
  }

  /** By compare-and-swap. False if another record is stored than `before`. */
  replace(before: TokenRecord | undefined, record: TokenRecord): Promise<boolean> {
    return this.#ask(() => this.#store.replace(this.#name, comparedToken(before), record));
  }

  delete(): Promise<boolean> {
    return this.#ask(() => this.#store.delete(this.#name));
  }

  /** Calls `tell` when the store becomes silent, or at once if it is silent already. Returns a function that ends this. */
  whenSilent(tell: () => void): () => void {
    if (this.#isSilent) tell();
    this.#onSilence.add(tell);
    return () => this.#onSilence.delete(tell);
  }

  async #ask<T>(call: () => T | Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.#isSilent = true;
      for (const tell of this.#onSilence) tell();
    }, silentAfterMs);
    try {
      const answer = await call();
      this.#isSilent = false;
      return answer;
    } finally {
      clearTimeout(timer);
    }
  }
}
