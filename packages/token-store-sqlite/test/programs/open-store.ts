/** A module for the contract: opens the store in a process of its own. */
import { openTokenStore, type SqliteTokenStore } from 'token-store-sqlite';

export const open = (path: string) => openTokenStore(path);
export const close = (store: SqliteTokenStore) => store.close();
