/** Gives all callers, processes and machines that share a store one OAuth access token. */

export type { ChangedOptions, ExclusivelyOptions, Lock, TokenRecord, TokenStore } from 'token-store-kit';
export { signInLockName } from 'token-store-kit';
export type {
  GetTokenOptions,
  RefreshContext,
  RevokeContext,
  SharedTokenOptions,
  SignIn,
  SignInContext,
  SignInOptions,
  TokenResponse,
} from './options.ts';
export { SharedToken } from './shared-token.ts';
export { SharedTokenError, type SharedTokenErrorCode, type SignInReason, toStoreError } from './shared-token-error.ts';
export type { EventError, SharedTokenEvent } from './shared-token-event.ts';
export type { AccessToken } from './usable-token.ts';
