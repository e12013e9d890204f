import type { SignInContext, TokenResponse } from 'shared-token';
import { readAccount } from '../id-token.ts';
import type { Settings } from '../options.ts';
import type { Provider } from '../provider/provider.ts';
import { refuseUnknown } from '../refuse-unknown.ts';
import { coversScopes, splitScope } from '../scopes.ts';
import type { Account, TokenEvent } from '../token-event.ts';
import type { SignInAttempt, SignInOptions } from './sign-in-attempt.ts';
import { signInByBrowser } from './sign-in-by-browser.ts';
import { signInByDevice } from './sign-in-by-device.ts';
import { signInByPaste } from './sign-in-by-paste.ts';

export interface SignInRequest {
  readonly settings: Settings;
  readonly options: SignInOptions;
  readonly scopes: readonly string[];
  readonly context: SignInContext;
  readonly provider: () => Promise<Provider>;
  readonly emit: (event: TokenEvent) => void;
  /** Called with what the tokens say of themselves, before they are stored. */
  readonly onTokens: (granted: GrantedSignIn) => void;
  readonly onClosing: SignInAttempt['onClosing'];
}

/** What an answer to a sign-in says besides its tokens. */
export interface GrantedSignIn {
  readonly account: Account | undefined;
  readonly scopes: string[];
  /** Scopes that were asked for and not granted. */
  readonly missing: string[];
}

/**
 * Signs a person in by the method that was chosen. What may live in this folder: the sign-in methods, from the authorization
 * request to the exchange of its answer.
 */
export async function signIn(request: SignInRequest): Promise<TokenResponse> {
  const { settings, options, scopes, context, provider, emit, onTokens, onClosing } = request;
  const { method = 'browser', onDeviceCode, readRedirectUrl: askForAddress } = options;
  const { timeout, signal, reason } = context;
  const scope = scopes.join(' ');
  emit({ type: 'sign-in-started', method, expiresAt: Date.now() + timeout, reason });
  const send: SignInAttempt['request'] = async (step, form) => {
    const answer = await (await provider()).requestTokens(step, form);
    // Left out if it is what was asked for (RFC 6749 section 5.1).
    const response = { ...answer, scope: answer.scope ?? scope };
    onTokens(describeGrant(response, scope));
    return response;
  };
  const redeem: SignInAttempt['redeem'] = (form) =>
    context.redeem(() => {
      emit({ type: 'redeeming' });
      return send('code', form);
    });
  const loginHint = chooseLoginHint(request);
  const attempt: SignInAttempt = {
    settings,
    options,
    scope,
    loginHint,
    timeout,
    signal,
    onClosing,
    provider,
    emit,
    request: send,
    redeem,
  };
  if (method === 'device' && onDeviceCode) {
    return signInByDevice(attempt, onDeviceCode);
  }
  if (method === 'paste' && askForAddress) {
    return signInByPaste(attempt, askForAddress);
  }
  return signInByBrowser(attempt);
}

/** Without a hint the person has to find out which of several accounts is meant. */
function chooseLoginHint({ settings, options, context }: SignInRequest): string | undefined {
  if (options.loginHint !== undefined) return options.loginHint;
  if (options.prompt === 'select_account') return undefined;
  return settings.loginHint ?? readAccount(context.record?.idToken)?.username;
}

function describeGrant({ scope, id_token: idToken }: TokenResponse, asked: string): GrantedSignIn {
  const scopes = splitScope(scope);
  const missing = splitScope(asked).filter((needed) => !coversScopes(scopes, [needed]));
  return { account: readAccount(idToken), scopes, missing };
}

/** Throws TypeError, naming the option that cannot be used. */
export function checkSignInOptions(options: SignInOptions): void {
  const { method = 'browser', signal, loginHint, prompt, onDeviceCode, readRedirectUrl, ...unknown } = options;
  refuseUnknown(unknown);
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
