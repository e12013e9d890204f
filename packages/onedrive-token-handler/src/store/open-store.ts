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

/** The token file: opened when it is first used, and opened again if it was replaced or deleted in the meantime. */
function openFile(path: string, options: TokenStoreOptions): { store: RekeyStore; close(): void } {
  let opened: SqliteTokenStore | undefined;
  /** Stores whose file was moved away. Locks go by the file's name, so a caller may still wait for one in such a store. */
  const moved: SqliteTokenStore[] = [];
  let isClosed = false;

  const open = async (): Promise<SqliteTokenStore> => {
    const { openTokenStore } = await import('token-store-sqlite');
    // A call that began before close() would leave the file open.
    if (isClosed) throw closedError();
    opened ??= openTokenStore(path, options);
    return opened;
  };
  const use = async <T>(work: (file: SqliteTokenStore) => T): Promise<Awaited<T>> => {
    const file = await open();
    try {
      return await work(file);
    } catch (error) {
      if ((Object(error) as { reason?: unknown }).reason !== 'moved') throw error;
      // Of several calls that find the file moved, the first one opens it again.
      if (opened === file) {
        moved.push(file);
        opened = undefined;
      }
      return await work(await open());
    }
  };

  const store: RekeyStore = {
    get: (name) => use((file) => file.get(name)),
    set: (name, record) => use((file) => file.set(name, record)),
    replace: (name, previous, record) => use((file) => file.replace(name, previous, record)),
    delete: (name) => use((file) => file.delete(name)),
    list: () => use((file) => file.list()),
    // Rejects if the file was moved. That ends the wait as well: the file in its place may have another record.
    changed: async (name, wait) => (await open()).changed(name, wait),
    lockedNames: () => use((file) => file.lockedNames()),
    // This store has to be opened again with the new key.
    rekey: (key) => use((file) => file.rekey(key)),
    // Never runs a task twice: its own calls use this store and reopen a moved file, so only acquiring the lock can fail as moved.
    exclusively: (name, task, wait) => use((file) => file.exclusively(name, task, wait)),
  };
  const close = (): void => {
    isClosed = true;
    for (const file of [...moved, opened]) file?.close();
  };
  return { store, close };
}
