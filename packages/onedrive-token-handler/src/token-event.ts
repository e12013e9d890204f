import type { SharedTokenEvent, SignInReason } from 'shared-token';
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

/** Events of shared-token that the handler emits with its own errors, or with more about the sign-in. */
type Translated = 'refresh-failed' | 'sign-in-started' | 'signed-in' | 'sign-in-failed' | 'store-failed';

/**
 * What happened, without secrets: the events of shared-token and those of a sign-in with Microsoft. A token that comes from
 * memory makes no event. Times are epoch milliseconds, durations milliseconds. An `onEvent` that throws changes nothing.
 */
export type TokenEvent =
  | Exclude<SharedTokenEvent, { type: Translated | 'revoke-failed' }>
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
       * Present while this process waits on loopback. Takes the address that a browser on another computer ended on, as copied by
       * the person. The address has the code only with the `responseMode` `query`. Throws if it is not the answer, with the reason
       * in the message; then the wait goes on.
       */
      deliver?: (address: string) => void;
    }
  /** No browser could be started: the person has to open the `authorization-url` by hand. The sign-in still waits. */
  | { type: 'browser-failed'; error: Error }
  /** The pasted address was not the answer; `readRedirectUrl` is called again. */
  | { type: 'paste-refused'; reason: string }
  /** The person has answered, and the code is exchanged. From here on neither an abort nor the timeout ends the sign-in. */
  | { type: 'redeeming' }
  | { type: 'signed-in'; account?: Account; scopes: string[]; expiresAt: number }
  | { type: 'sign-in-failed'; error: unknown }
  /** A token was returned but could not be stored yet. The write is tried again, and no refresh is sent before it succeeds. */
  | { type: 'store-failed'; error: OneDriveTokenError }
  /**
   * The provider granted less than was asked for. Unless `useGrantedScopes` is set, other processes will ask for a sign-in at
   * once, this one when a call forces a refresh.
   */
  | { type: 'scopes-not-granted'; scopes: string[] };
