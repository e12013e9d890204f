/** A module for the contract: opens the store in a process of its own. */
import { type FileTokenStore, openFileTokenStore } from 'token-store-file';

export const open = (path: string) => openFileTokenStore(path);
export const close = (store: FileTokenStore) => store.close();
