/** Gives a program a Microsoft Graph access token for a personal OneDrive. */
export { forgetTokens, listAppNames } from './app-names.ts';
export { changeEncryptionKey } from './change-encryption-key.ts';
export {
  OneDriveTokenError,
  type OneDriveTokenErrorCode,
  type OneDriveTokenErrorDetails,
  type OneDriveTokenErrorReason,
} from './one-drive-token-error.ts';
export { type GetTokenOptions, OneDriveTokenHandler } from './one-drive-token-handler.ts';
export type { OneDriveTokenHandlerOptions, StoreOptions } from './options.ts';
export { readRetryAfter } from './retry-after.ts';
export type { SignInOptions } from './sign-in.ts';
export type { SignInStatus } from './sign-in-status.ts';
export type { AbortSignalLike, TokenCredential } from './token-credential.ts';
export type { Account, SignInMethod, TokenEvent } from './token-event.ts';
export type { AccessToken } from './token-response.ts';
export type { TokenRecord, TokenStore } from './token-store.ts';
