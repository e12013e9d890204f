import type { TokenResponse } from 'shared-token';
import { scopesToAsk, splitScope } from '../scopes.ts';
import { signInByBrowser } from './sign-in-by-browser.ts';
import { signInByDevice } from './sign-in-by-device.ts';
import { signInByPaste } from './sign-in-by-paste.ts';
import type { SignInAttempt } from './sign-in-options.ts';

const signInBy = { browser: signInByBrowser, device: signInByDevice, paste: signInByPaste };

/**
 * Signs a person in by the method that was chosen. What may live in this folder: the sign-in methods, from the authorization
 * request to the exchange of its answer.
 */
export async function signIn(request: Omit<SignInAttempt, 'scope'>): Promise<TokenResponse> {
  const { settings, options, context, emit } = request;
  const { method = 'browser' } = options;
  const { timeout, reason, record } = context;
  // getToken() also asks for the scopes that other programs with this app name were granted. signIn() asks only for its own.
  const scope = scopesToAsk(settings, reason === 'requested' ? [] : splitScope(record?.scope)).join(' ');
  emit({ type: 'sign-in-started', method, expiresAt: Date.now() + timeout, reason });
  return signInBy[method]({ ...request, scope });
}
