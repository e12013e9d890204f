import type { SignInReason } from 'shared-token';
import type { OneDriveTokenError } from './one-drive-token-error.ts';

/** The person who signed in, as the ID token says. Needs the scopes `openid` and `profile`. */
export interface Account {
  name?: string;
  /** Usually the e-mail address of the Microsoft account. */
  username?: string;
  id?: string;
}

/** In a browser here, with a code on another device, or by the address that a browser on another computer ended on. */
export type SignInMethod = 'browser' | 'device' | 'paste';

// Most of these are events of shared-token. They are listed again, so that a program finds all in one place: `#translate` in
// one-drive-token-handler.ts does not compile if one of them is missing here.
/**
 * What happened, without secrets. A token that comes from memory makes no event. Times are epoch milliseconds,
 * durations milliseconds. An `onEvent` that throws changes nothing.
 */
export type TokenEvent =
  /** A valid access token was found in the store. */
  | { type: 'stored-token'; expiresAt: number }
  /** Another process, or another handler in this one, refreshes or signs in; its result will be used. */
  | { type: 'waiting'; for: 'refresh' | 'sign-in' }
  | { type: 'refresh-started' }
  /** `rotated`: the provider gave a new refresh token. */
  | { type: 'refreshed'; expiresAt: number; rotated: boolean; duration: number }
  /** `bridged`: the old access token is still valid and was returned instead of the error. */
  | { type: 'refresh-failed'; error: OneDriveTokenError; bridged: boolean }
  /** A request to the provider is repeated after `delay`. */
  | { type: 'retry'; attempt: number; delay: number; reason: string }
  /** `expiresAt`: when the wait for the person ends. `reason`: why the person is asked; `requested`: signIn() was called. */
  | { type: 'sign-in-started'; method: SignInMethod; expiresAt: number; reason: SignInReason | 'requested' }
  /** To be opened in a browser. The URL carries the `state`; no other event does. */
  | {
      type: 'authorization-url';
      url: string;
      /**
       * There while this process waits on loopback: takes the address that a browser on another computer ended on, as a person
       * has copied it. Throws an error whose message says why, if it is not the answer; then the wait goes on.
       */
      deliver?: (address: string) => void;
    }
  /** No browser could be started: the person has to open the `authorization-url` by hand. The sign-in still waits. */
  | { type: 'browser-failed'; error: Error }
  /** The pasted address was not the answer; `readRedirectUrl` is asked again. */
  | { type: 'paste-refused'; reason: string }
  /** The person has answered, and the code is exchanged. From here on neither an abort nor the timeout ends the sign-in. */
  | { type: 'redeeming' }
  | { type: 'signed-in'; account?: Account; scopes: string[]; expiresAt: number }
  | { type: 'sign-in-failed'; error: unknown }
  | { type: 'signed-out' }
  /** A token was returned but could not be stored yet; a timer and the next calls try to store it again. */
  | { type: 'store-failed'; error: OneDriveTokenError }
  /** That write has now succeeded. */
  | { type: 'store-recovered' }
  /**
   * The provider granted less than was asked for. Unless `useGrantedScopes` is set, other processes will ask for a sign-in at
   * once, this one when the token expires.
   */
  | { type: 'scopes-not-granted'; scopes: string[] }
  /** The sign-in gave no refresh token: the next token will need another sign-in. */
  | { type: 'refresh-token-missing' };
