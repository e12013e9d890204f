/** Gives a program a Microsoft Graph access token for a personal OneDrive. */
export { forgetTokens, listAppNames } from './app-names.ts';
export { OneDriveTokenError, type OneDriveTokenErrorCode } from './one-drive-token-error.ts';
export {
  type GetTokenOptions,
  OneDriveTokenHandler,
  type SignInStatus,
  type TokenCredential,
} from './one-drive-token-handler.ts';
export type { OneDriveTokenHandlerOptions, StoreOptions } from './options.ts';
export type { SignInOptions } from './sign-in.ts';
export type { Account, SignInMethod, TokenEvent } from './token-event.ts';
export type { TokenRecord, TokenStore } from './token-store.ts';
