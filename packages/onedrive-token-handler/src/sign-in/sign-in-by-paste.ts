import { RedirectUrlError, readRedirectUrl } from 'loopback-acceptor';
import type { TokenResponse } from 'shared-token';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { authorizationUrl, codeForm, createSecrets, toSignInError } from './authorization-request.ts';
import type { SignInAttempt, SignInOptions } from './sign-in-attempt.ts';

const maxTries = 3;

/**
 * For a browser on another computer: it ends on a loopback address that nothing listens on, and the person copies that
 * address from its address bar.
 */
export async function signInByPaste(
  attempt: SignInAttempt,
  askForAddress: NonNullable<SignInOptions['readRedirectUrl']>,
): Promise<TokenResponse> {
  const { emit, signal, settings } = attempt;
  const secrets = await createSecrets();
  const { randomInt } = process.getBuiltinModule('node:crypto');
  // A random port in the range that no service is assigned to (RFC 6335 section 6).
  const redirectUri = `http://${settings.redirectHost}:${settings.redirectPort || randomInt(49152, 65536)}`;
  const url = authorizationUrl(attempt, secrets, redirectUri, 'query');
  emit({ type: 'authorization-url', url });
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason));
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    const pasted = await Promise.race([askForAddress(url), aborted]);
    try {
      const { code } = readRedirectUrl(String(pasted), { state: secrets.state });
      return await attempt.redeem(codeForm(code, redirectUri, attempt, secrets));
    } catch (error) {
      if (!(error instanceof RedirectUrlError)) throw toSignInError(error, secrets);
      if (tries === maxTries) throw new OneDriveTokenError('RESPONSE', error.message, { cause: error });
      emit({ type: 'paste-refused', reason: error.message });
    }
  }
}
