/** Says what an OAuth token record and its store are. */
export type { TokenRecord } from './token-record.ts';
export type { ChangedOptions, ExclusivelyOptions, Lock, MaybePromise, TokenStore } from './token-store.ts';
export { TokenStoreError, type TokenStoreErrorCode, type TokenStoreErrorDetails } from './token-store-error.ts';
