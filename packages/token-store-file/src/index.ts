/** Keeps OAuth tokens in a file of your own format that many processes share. */
export type {
  ChangedOptions,
  ExclusivelyOptions,
  Lock,
  TokenRecord,
  TokenStoreErrorCode,
  TokenStoreErrorReason,
} from 'token-store-kit';
export { TokenStoreError } from 'token-store-kit';
export { FileTokenStore, type FileTokenStoreOptions, openFileTokenStore } from './file-token-store.ts';
export type { FileFormat } from './json-format.ts';
