import { toStoreError } from 'shared-token';
import type { RekeyStore } from 'token-store-kit/administration';
import type { SqliteTokenStore, TokenStoreOptions } from 'token-store-sqlite';
import { closedError, toHandlerError } from '../one-drive-token-error.ts';
import type { StoreSettings } from '../options.ts';

/**
 * The caller's store, or the file, which is opened when it is first used. What may live in this folder: where tokens are
 * kept, and work on a whole file. With `readOnly`, a file is read as it is, and never made or changed. `close` leaves the
 * caller's store open.
 */
export function openStore({ store, dbFilepath, encryptionKey: key }: StoreSettings, readOnly = false) {
  if (store !== undefined) return { store, close: () => {} };
  return openFile(dbFilepath, { ...(key !== undefined && { key }), readOnly });
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

/** An open file, and how many calls use it now. */
interface Opened {
  readonly file: SqliteTokenStore;
  calls: number;
}

/** The token file: opened when it is first used, and opened again if it was replaced or deleted in the meantime. */
function openFile(path: string, options: TokenStoreOptions): { store: RekeyStore; close(): void } {
  let newest: Opened | undefined;
  /** Those that are open: the newest one, and those whose file was moved away while a call uses them. It may wait for a lock there. */
  const opened = new Set<Opened>();
  let isClosed = false;

  const begin = async (): Promise<Opened> => {
    const { openTokenStore } = await import('token-store-sqlite');
    // A call that began before close() would leave the file open.
    if (isClosed) throw closedError();
    newest ??= { file: openTokenStore(path, options), calls: 0 };
    opened.add(newest);
    newest.calls++;
    return newest;
  };
  const closeUnused = (): void => {
    for (const one of opened) {
      if (!isClosed && (one === newest || one.calls > 0)) continue;
      opened.delete(one);
      one.file.close();
    }
  };
  const use = async <T>(work: (file: SqliteTokenStore) => T, mayReopen = true): Promise<Awaited<T>> => {
    const one = await begin();
    try {
      return await work(one.file);
    } catch (error) {
      if (!mayReopen || (Object(error) as { reason?: unknown }).reason !== 'moved') throw error;
      // Of several calls that find the file moved, the first one opens it again.
      if (newest === one) newest = undefined;
    } finally {
      one.calls--;
      closeUnused();
    }
    return use(work, false);
  };

  const store: RekeyStore = {
    get: (name) => use((file) => file.get(name)),
    set: (name, record) => use((file) => file.set(name, record)),
    replace: (name, previous, record) => use((file) => file.replace(name, previous, record)),
    delete: (name) => use((file) => file.delete(name)),
    list: () => use((file) => file.list()),
    // Rejects if the file was moved. That ends the wait as well: the file in its place may have another record.
    changed: (name, wait) => use((file) => file.changed(name, wait), false),
    lockedNames: () => use((file) => file.lockedNames()),
    // This store has to be opened again with the new key.
    rekey: (key) => use((file) => file.rekey(key)),
    // Never runs a task twice: its own calls use this store and reopen a moved file, so only acquiring the lock can fail as moved.
    exclusively: (name, task, wait) => use((file) => file.exclusively(name, task, wait)),
  };
  const close = (): void => {
    isClosed = true;
    closeUnused();
  };
  return { store, close };
}
