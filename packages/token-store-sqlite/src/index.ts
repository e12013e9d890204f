/** Keeps OAuth refresh tokens in one SQLite file that many processes share. */

export type { ExclusivelyOptions, TokenStoreOptions } from './sqlite-token-store.ts';
export { openTokenStore, SqliteTokenStore } from './sqlite-token-store.ts';
export type { TokenRecord } from './token-record.ts';
export type { TokenStoreErrorCode } from './token-store-error.ts';
export { TokenStoreError } from './token-store-error.ts';
