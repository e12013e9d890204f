import { type ChangedOptions, type ExclusivelyOptions, type Lock, type TokenRecord, toStoreError } from 'shared-token';
import type { RekeyStore, StoreKey } from 'token-store-kit/administration';
import type { SqliteTokenStore, TokenStoreOptions } from 'token-store-sqlite';
import { toHandlerError } from '../one-drive-token-error.ts';
import type { StoreSettings } from '../options.ts';

/**
 * The caller's store, or the file, which is opened when it is first used. What may live in this folder: where tokens are
 * kept, and work on a whole file. With `readOnly`, a file is read as it is, and never made or changed. `close` leaves the
 * caller's store open.
 */
export function openStore({ store, dbFilepath, encryptionKey: key }: StoreSettings, readOnly = false) {
  if (store !== undefined) return { store, close: () => {} };
  const file = new FileStore(dbFilepath, { ...(key !== undefined && { key }), readOnly });
  return { store: file, close: () => file.close() };
}

/** Runs work on a store, without a SharedToken. A TokenStoreError becomes STORE. */
export async function runOnStore<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = Object(error) as { code?: unknown };
    throw String(code).startsWith('STORE_') ? toHandlerError(toStoreError(error)) : error;
  }
}

/** The token file: opened when it is first used, and opened again if it was replaced or deleted in the meantime. */
class FileStore implements RekeyStore {
  readonly #path: string;
  readonly #options: TokenStoreOptions;
  #opened: SqliteTokenStore | undefined;
  /** Stores whose file was moved away. Locks go by the file's name, so a caller may still wait for one in such a store. */
  readonly #moved: SqliteTokenStore[] = [];

  constructor(path: string, options: TokenStoreOptions) {
    this.#path = path;
    this.#options = options;
  }

  get(name: string): Promise<TokenRecord | undefined> {
    return this.#use((store) => store.get(name));
  }

  set(name: string, record: TokenRecord): Promise<void> {
    return this.#use((store) => store.set(name, record));
  }

  replace(name: string, previous: string | undefined, record: TokenRecord): Promise<boolean> {
    return this.#use((store) => store.replace(name, previous, record));
  }

  delete(name: string): Promise<boolean> {
    return this.#use((store) => store.delete(name));
  }

  list(): Promise<string[]> {
    return this.#use((store) => store.list());
  }

  /** This store has to be opened again with the new key. */
  rekey(key: StoreKey): Promise<void> {
    return this.#use((store) => store.rekey(key));
  }

  lockedNames(): Promise<readonly string[]> {
    return this.#use((store) => store.lockedNames());
  }

  /** Of the file that was moved, the lock is good as well: it goes by the file's name. */
  exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T> {
    let hasBegun = false;
    const begin = (lock: Lock): Promise<T> => {
      hasBegun = true;
      return task(lock);
    };
    return this.#use(
      (store) => store.exclusively(name, begin, options),
      () => !hasBegun,
    );
  }

  /** Resolves also if the file was moved. */
  async changed(name: string, options: ChangedOptions): Promise<void> {
    const changed = (await this.#open()).changed(name, options);
    await changed.catch((error) => {
      if (!isMoved(error)) throw error;
    });
  }

  /** Calls of other methods must have ended. */
  close(): void {
    for (const store of [...this.#moved, this.#opened]) store?.close();
  }

  async #use<T>(work: (store: SqliteTokenStore) => T, mayRepeat = () => true): Promise<Awaited<T>> {
    const store = await this.#open();
    try {
      return await work(store);
    } catch (error) {
      if (!isMoved(error) || !mayRepeat()) throw error;
      // Of several calls that find it moved, the first one opens it again.
      if (this.#opened === store) {
        this.#moved.push(store);
        this.#opened = undefined;
      }
      return await work(await this.#open());
    }
  }

  async #open(): Promise<SqliteTokenStore> {
    const { openTokenStore } = await import('token-store-sqlite');
    this.#opened ??= openTokenStore(this.#path, this.#options);
    return this.#opened;
  }
}

function isMoved(error: unknown): boolean {
  return (Object(error) as { reason?: unknown }).reason === 'moved';
}
