/** A module for the contract: opens the store in a process of its own. */
import { openPostgresTokenStore, type PostgresTokenStore } from 'token-store-postgres';

export const open = (options: string) => openPostgresTokenStore(JSON.parse(options));
export const close = (store: PostgresTokenStore) => store.close();
