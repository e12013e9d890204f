import { type TokenStore, toStoreError } from 'shared-token';
import { OneDriveTokenError, toHandlerError } from '../one-drive-token-error.ts';
import type { StoreSettings } from '../options.ts';
import { FileStore } from './file-store.ts';

export interface OpenedStore {
  readonly store: TokenStore;
  /** Closes it, unless it is the caller's own. */
  close(): Promise<void>;
}

/**
 * The caller's store, or the file, which is opened when it is first used. What may live in this folder: where tokens are
 * kept, and work on a whole file. With `readOnly`, a file is read as it is, and never made or changed.
 */
export function openStore(
  { store, dbFilepath, encryptionKey }: StoreSettings,
  { readOnly = false }: { readOnly?: boolean } = {},
): OpenedStore {
  if (store) return { store, close: async () => {} };
  const file = new FileStore(dbFilepath, encryptionKey, readOnly);
  return { store: file, close: () => file.close() };
}

/** Runs work on a store, without a SharedToken. What the store throws becomes STORE. */
export async function runOnStore<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof OneDriveTokenError ? error : toHandlerError(toStoreError(error));
  }
}
