import type { OneDriveTokenError } from './one-drive-token-error.ts';

/** The person who signed in, as far as the ID token says; ask for the scopes `openid` and `profile` to have it. */
export interface Account {
  name?: string;
  /** Usually the e-mail address of the Microsoft account. */
  username?: string;
  id?: string;
}

/** In a browser here, with a code on another device, or by the address at which a browser elsewhere ended. */
export type SignInMethod = 'browser' | 'device' | 'paste';

/**
 * What happened, without secrets. A token that comes from memory makes no event. Instants are epoch milliseconds,
 * durations milliseconds. An `onEvent` that throws disturbs nothing.
 */
export type TokenEvent =
  /** A valid access token was found in the store. */
  | { type: 'stored-token'; expiresAt: number }
  /** Another process, or another handler of this one, is refreshing or signing in; its result will be used. */
  | { type: 'waiting'; for: 'refresh' | 'sign-in' }
  | { type: 'refresh-started' }
  | { type: 'refreshed'; expiresAt: number; rotated: boolean; duration: number }
  /** `bridged`: the old access token is still valid and was returned instead of the error. */
  | { type: 'refresh-failed'; error: OneDriveTokenError; bridged: boolean }
  /** A request to the provider is repeated after `delay`. */
  | { type: 'retry'; attempt: number; delay: number; reason: string }
  /** `expiresAt`: when the wait for the person ends. */
  | { type: 'sign-in-started'; method: SignInMethod; expiresAt: number }
  /** To be opened in a browser. It carries the `state`: this event is the only one that has it. */
  | { type: 'authorization-url'; url: string }
  /** No browser could be started: the person has to open the `authorization-url` by hand. The wait goes on. */
  | { type: 'browser-failed'; error: Error }
  /** The pasted address was not the answer; `readRedirectUrl` is asked again. */
  | { type: 'paste-refused'; reason: string }
  | { type: 'signed-in'; account?: Account; scopes: string[]; expiresAt: number }
  | { type: 'sign-in-failed'; error: unknown }
  | { type: 'signed-out' }
  /** A token was returned but is not on disk yet; the next call tries to write it again. */
  | { type: 'store-failed'; error: OneDriveTokenError }
  /** That write has succeeded now. */
  | { type: 'store-recovered' }
  /**
   * The provider granted less than was asked for: other processes at once, and this one at the end of the token, will ask
   * for a sign-in again.
   */
  | { type: 'scopes-not-granted'; scopes: string[] }
  /** The provider gave no refresh token: the next token will need another sign-in. */
  | { type: 'refresh-token-missing' };
