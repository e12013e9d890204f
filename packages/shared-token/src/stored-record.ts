import { comparedToken, type TokenRecord, type TokenStore } from 'token-store-kit';
import { inTime } from './in-time.ts';
import { readStoredRecord } from './read-stored-record.ts';
import { type SharedTokenError, tryAgainError } from './shared-token-error.ts';

/** A store that has not answered for this long counts as silent, until it answers. */
const silentAfterMs = 500;

/** How long a call of the store is waited for. Stores of this repository say sooner that they can't. */
const answerLimitMs = 12_000;

export const silent = (): SharedTokenError => tryAgainError('The store did not answer');

/** What the call of a store is answered with, if it is soon. What it does later is noticed when the record is read again. */
export function answered<T>(call: Promise<T>): Promise<T> {
  return inTime(answerLimitMs, call, silent);
}

/** The record of one name, as calls of its store. Notices that the store is silent. */
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

  /** Calls `tell` when the store is silent, or is already. Returns how to end that. */
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
