/** Keeps OAuth refresh tokens in one SQLite file that many processes share. */
export type { ChangedOptions, ExclusivelyOptions, Lock, TokenRecord, TokenStoreErrorCode } from 'token-store-kit';
export { TokenStoreError } from 'token-store-kit';
export { openTokenStore, SqliteTokenStore, type TokenStoreOptions } from './sqlite-token-store.ts';
