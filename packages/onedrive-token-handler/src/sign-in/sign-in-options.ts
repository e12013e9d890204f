import type { SignInContext } from 'shared-token';
import { readChoice, readFunction, readText, refuseUnknown, wrongType } from '../check-value.ts';
import type { Settings } from '../options.ts';
import type { Provider } from '../provider/provider.ts';
import type { SignInMethod, TokenEvent } from '../token-event.ts';

/** How a person signs in. */
export interface SignInOptions {
  /**
   * `browser` (default) opens one here and waits on loopback; `device` shows a code to enter on any device (RFC 8628);
   * `paste` takes the address that a browser on another computer ended on.
   */
  method?: SignInMethod | undefined;
  /** Ends the wait; the sign-in rejects with its reason. */
  signal?: AbortSignal | undefined;
  /** The account to suggest. Default: that of the stored sign-in; with the prompt `select_account` none. */
  loginHint?: string | undefined;
  /** Makes the provider ask again for the password, the consent or the account. */
  prompt?: 'login' | 'consent' | 'select_account' | undefined;
  /** Needed for `device`: shows the code. `expiresAt` is when the wait ends, in epoch milliseconds. */
  onDeviceCode?:
    | ((device: { userCode: string; verificationUri: string; expiresAt: number; message?: string }) => unknown)
    | undefined;
  /** Needed for `paste`: shows the URL and resolves with the address that the browser ended on. */
  readRedirectUrl?: ((authorizationUrl: string) => Promise<string>) | undefined;
}

/** One sign-in that is under way: what each method needs to do its part. */
export interface SignInAttempt {
  readonly settings: Settings;
  readonly options: SignInOptions;
  /** The context from SharedToken: ends the wait, and stores the tokens for which a code was exchanged. */
  readonly context: SignInContext;
  readonly provider: Provider;
  readonly emit: (event: TokenEvent) => void;
  /** The scopes to ask for, separated by spaces. */
  readonly scope: string;
}

/** Throws TypeError, naming the option that cannot be used. */
export function checkSignInOptions(options: SignInOptions): void {
  const { method = 'browser', signal, loginHint, prompt, onDeviceCode, readRedirectUrl, ...unknown } = options;
  refuseUnknown(unknown);
  readChoice('method', method, ['browser', 'device', 'paste']);
  if (prompt !== undefined) readChoice('prompt', prompt, ['login', 'consent', 'select_account']);
  if (loginHint !== undefined) readText('loginHint', loginHint);
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
    throw wrongType('signal', 'an AbortSignal', signal);
  }
  readFunction('onDeviceCode', onDeviceCode);
  readFunction('readRedirectUrl', readRedirectUrl);
  if (method === 'device' && !onDeviceCode) {
    throw new TypeError("the method 'device' needs onDeviceCode, a function that shows the code");
  }
  if (method === 'paste' && !readRedirectUrl) {
    throw new TypeError("the method 'paste' needs readRedirectUrl, a function that asks for the address");
  }
}
