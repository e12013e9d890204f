/** Keeps OAuth refresh tokens in one SQLite file that many processes share. */
export type {
  ChangedOptions,
  ExclusivelyOptions,
  Lock,
  TokenRecord,
  TokenStoreErrorCode,
  TokenStoreErrorReason,
} from 'token-store-kit';
export { TokenStoreError } from 'token-store-kit';
export type { FileSystem } from 'token-store-kit/files';
export { dataFilepath } from './data-filepath.ts';
export { type Access, type HeldLock, inspectTokenStore, type TokenStoreInspection } from './inspect-token-store.ts';
export { openTokenStore, SqliteTokenStore, type TokenStoreOptions } from './sqlite-token-store.ts';
