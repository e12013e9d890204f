/** Gives a program a Microsoft Graph access token for a personal OneDrive. */
export { toPlainText } from 'loopback-acceptor/plain-text';
export type { AccessToken, GetTokenOptions, SignInReason, TokenRecord, TokenStore } from 'shared-token';
export type { TokenStoreErrorCode, TokenStoreErrorReason } from 'token-store-kit';
export type { MoveOutcome, RekeyStore } from 'token-store-kit/administration';
export { dataFilepath } from 'token-store-sqlite/read-record';
export {
  OneDriveTokenError,
  type OneDriveTokenErrorCode,
  type OneDriveTokenErrorDetails,
} from './one-drive-token-error.ts';
export { OneDriveTokenHandler, type TokenCredential } from './one-drive-token-handler.ts';
export type { OneDriveTokenHandlerOptions, StoreOptions } from './options.ts';
export { createFetcher, type Fetcher } from './provider/http-client.ts';
export { type NamedProxy, proxyOf } from './provider/proxy-of.ts';
export type { SignInOptions } from './sign-in/sign-in-options.ts';
export { type SignInStatus, type StatusOptions, statusOfRecord } from './sign-in-status.ts';
export {
  changeEncryptionKey,
  forgetTokens,
  inspectStore,
  listAppNames,
  type MoveOptions,
  moveTokens,
  type RekeyOptions,
  readRecord,
  type StoreInspection,
} from './store/administration.ts';
export type { Account, SignInMethod, TokenEvent } from './token-event.ts';
