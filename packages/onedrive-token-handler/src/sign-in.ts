import type { FlowContext } from './flow-context.ts';
import { readAccount } from './id-token.ts';
import { OneDriveTokenError } from './one-drive-token-error.ts';
import { coversScopes, splitScope } from './scopes.ts';
import { signInLock } from './sign-in-lock.ts';
import type { SignInMethod } from './token-event.ts';
import { type AccessToken, readTokenResponse, type TokenSet } from './token-response.ts';
import type { TokenRecord } from './token-store.ts';

/** How a person signs in. */
export interface SignInOptions {
  /**
   * `browser` (default) opens one here and waits on loopback; `device` shows a code to enter on any device (RFC 8628);
   * `paste` takes the address at which a browser elsewhere ended.
   */
  method?: SignInMethod | undefined;
  /** Ends the wait; the sign-in rejects with its reason. */
  signal?: AbortSignal | undefined;
  /** The account to suggest, for example an e-mail address. */
  loginHint?: string | undefined;
  /** Makes the provider ask again for the password, the consent or the account. */
  prompt?: 'login' | 'consent' | 'select_account' | undefined;
  /** Needed for `device`: shows the code. `expiresAt` is when the wait ends, in epoch milliseconds. */
  onDeviceCode?:
    | ((device: { userCode: string; verificationUri: string; expiresAt: number; message?: string }) => unknown)
    | undefined;
  /** Needed for `paste`: shows the URL and resolves with the address the browser ended at. */
  readRedirectUrl?: ((authorizationUrl: string) => Promise<string>) | undefined;
}

/** One sign-in under way: what a method needs to do its part. */
export interface SignInAttempt extends FlowContext {
  readonly options: SignInOptions;
  /** As the provider shall see them, separated by spaces. */
  readonly scope: string;
  /** Milliseconds that are left for the person. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Exchanges a code (or a device code) for tokens and stores them. */
  redeem(form: Record<string, string>): Promise<TokenSet>;
}

export interface SignInRequest {
  options: SignInOptions;
  scopes: readonly string[];
  signal: AbortSignal;
  /** Asked once the turn has come: tokens that somebody else's sign-in brought meanwhile. */
  resultOfOthers: () => Promise<AccessToken | undefined>;
  /** How many sign-outs there had been when it began. */
  signOuts: number;
}

/** Signs in while no other process does for this app name. Throws OneDriveTokenError or the signal's reason. */
export async function signIn(context: FlowContext, request: SignInRequest): Promise<AccessToken> {
  const { settings, keeper, emit } = context;
  const end = performance.now() + settings.signInTimeout;
  let started = false;
  const inTurn = async (): Promise<AccessToken> => {
    started = true;
    const brought = await request.resultOfOthers();
    if (brought) return brought;
    const timeout = end - performance.now();
    // Others have waited for the same person: one more window with seconds to go helps nobody.
    if (timeout < settings.signInTimeout / 10) throw timedOut(settings.signInTimeout);
    return attemptSignIn(context, request, Math.ceil(timeout));
  };
  try {
    return await keeper.exclusively(signInLock(settings.appName), inTurn, {
      timeout: settings.signInTimeout,
      signal: request.signal,
      onWait: () => emit({ type: 'waiting', for: 'sign-in' }),
    });
  } catch (error) {
    // Others have had the lock all the time.
    const isBusy = !started && error instanceof OneDriveTokenError && error.code === 'STORE' && error.retryable;
    const failure = isBusy ? timedOut(settings.signInTimeout) : error;
    emit({ type: 'sign-in-failed', error: failure });
    throw failure;
  }
}

/** The SIGN_IN_TIMEOUT after `timeout` milliseconds. */
export function timedOut(timeout: number): OneDriveTokenError {
  const seconds = Math.round(timeout / 1000);
  return new OneDriveTokenError(
    'SIGN_IN_TIMEOUT',
    `Nobody finished signing in within ${seconds} s. Sign in again and complete it in the browser; where none opened, open the shown address by hand, or use the method 'paste' or 'device'.`,
  );
}

async function attemptSignIn(
  context: FlowContext,
  { options, scopes, signal, signOuts }: SignInRequest,
  timeout: number,
): Promise<TokenSet> {
  const { method = 'browser' } = options;
  context.emit({ type: 'sign-in-started', method, expiresAt: Date.now() + timeout });
  const scope = scopes.join(' ');
  const attempt: SignInAttempt = {
    ...context,
    options,
    scope,
    timeout,
    signal,
    redeem: (form) => redeem(context, form, scope, signOuts),
  };
  const { onDeviceCode, readRedirectUrl } = options;
  if (method === 'device' && onDeviceCode) {
    return (await import('./sign-in-device.ts')).signInByDevice(attempt, onDeviceCode);
  }
  if (method === 'paste' && readRedirectUrl) {
    return (await import('./sign-in-paste.ts')).signInByPaste(attempt, readRedirectUrl);
  }
  return (await import('./sign-in-browser.ts')).signInByBrowser(attempt);
}

async function redeem(
  { settings, keeper, provider, emit }: FlowContext,
  form: Record<string, string>,
  asked: string,
  signOuts: number,
): Promise<TokenSet> {
  const obtainedAt = Date.now();
  const step = form.code === undefined ? 'device poll' : 'code';
  const answer = await (await provider()).post({ endpoint: 'token', step, form });
  const tokens = readTokenResponse(answer, obtainedAt);
  // Left out where it is what was asked for (RFC 6749 section 5.1).
  const { accessToken, expiresAt, refreshToken, idToken, scope = asked } = tokens;
  const { clientId, authority } = settings;
  if (refreshToken) {
    const record: TokenRecord = { refreshToken, accessToken, expiresAt, obtainedAt, clientId, authority, scope };
    if (idToken) record.idToken = idToken;
    await keeper.put(record, signOuts);
  } else emit({ type: 'refresh-token-missing' });
  const missing = splitScope(asked).filter((needed) => !coversScopes(splitScope(scope), [needed]));
  if (missing.length > 0) emit({ type: 'scopes-not-granted', scopes: missing });
  const account = readAccount(idToken);
  emit({ type: 'signed-in', ...(account && { account }), scopes: splitScope(scope), expiresAt });
  return tokens;
}

/** Throws TypeError, naming the option, where one can't be used. */
export function checkSignInOptions(options: SignInOptions): void {
  const { method = 'browser', signal, loginHint, prompt, onDeviceCode, readRedirectUrl } = options;
  if (!['browser', 'device', 'paste'].includes(method)) {
    throw new TypeError(`method must be 'browser', 'device' or 'paste', not ${JSON.stringify(method)}`);
  }
  if (prompt !== undefined && !['login', 'consent', 'select_account'].includes(prompt)) {
    throw new TypeError(`prompt must be 'login', 'consent' or 'select_account', not ${JSON.stringify(prompt)}`);
  }
  if (loginHint !== undefined && typeof loginHint !== 'string') {
    throw new TypeError(`loginHint must be a string, not ${typeof loginHint}`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal must be an AbortSignal');
  if (method === 'device' && typeof onDeviceCode !== 'function') {
    throw new TypeError("the method 'device' needs onDeviceCode, a function that shows the code");
  }
  if (method === 'paste' && typeof readRedirectUrl !== 'function') {
    throw new TypeError("the method 'paste' needs readRedirectUrl, a function that asks for the address");
  }
}
