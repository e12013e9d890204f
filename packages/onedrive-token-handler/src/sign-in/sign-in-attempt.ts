import type { TokenResponse } from 'shared-token';
import { OneDriveTokenError, timeoutAdvice } from '../one-drive-token-error.ts';
import type { Settings } from '../options.ts';
import type { Provider } from '../provider/provider.ts';
import type { ProviderStep } from '../provider/provider-error.ts';
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
  /**
   * The account to suggest, for example an e-mail address. Default: the handler's `loginHint`, else the account of the
   * stored sign-in; with the prompt `select_account` no account is suggested.
   */
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
  /** As the provider is asked for them, separated by spaces. */
  readonly scope: string;
  /** The account to suggest. */
  readonly loginHint: string | undefined;
  /** How long the person has, in milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Loaded when it is first needed. */
  readonly provider: () => Promise<Provider>;
  readonly emit: (event: TokenEvent) => void;
  /** Sends one token request, for a device code that may not have been entered yet. */
  request(step: ProviderStep, form: Record<string, string>): Promise<TokenResponse>;
  /** Told of sockets that are being closed: the result does not wait for them, close() does. */
  readonly onClosing: (closed: Promise<void>) => void;
  /** Exchanges an authorization code and stores the tokens. Once begun, neither the timeout nor an abort ends it. */
  redeem(form: Record<string, string>): Promise<TokenResponse>;
}

/** The SIGN_IN_TIMEOUT after `timeoutMs`. */
export function timedOut(method: SignInMethod, timeoutMs: number): OneDriveTokenError {
  const seconds = Math.round(timeoutMs / 1000);
  const message = `The sign-in was not finished within ${seconds} s. Sign in again. ${timeoutAdvice[method]}`;
  return new OneDriveTokenError('SIGN_IN_TIMEOUT', message);
}
