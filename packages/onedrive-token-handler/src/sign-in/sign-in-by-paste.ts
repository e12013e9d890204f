import { randomInt } from 'node:crypto';
import { RedirectUrlError, readRedirectUrl } from 'loopback-acceptor';
import type { TokenResponse } from 'shared-token';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { AuthorizationRequest } from './authorization-request.ts';
import type { SignInAttempt } from './sign-in-options.ts';

const maxTries = 3;

/**
 * For a browser on another computer: it ends on a loopback address that nothing listens on, and the person copies that
 * address from its address bar.
 */
export async function signInByPaste(attempt: SignInAttempt): Promise<TokenResponse> {
  const { emit, context, settings, options } = attempt;
  const { signal } = context;
  const request = new AuthorizationRequest(attempt);
  // A random port in the range that no service is assigned to (RFC 6335 section 6).
  const redirectUri = `http://${settings.redirectHost}:${settings.redirectPort || randomInt(49152, 65536)}`;
  const url = await request.url(redirectUri, 'query');
  emit({ type: 'authorization-url', url });
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  // Not unhandled if `readRedirectUrl` aborts and throws before the race below begins.
  aborted.catch(() => {});
  signal.addEventListener('abort', () => reject(signal.reason));
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    const pasted = await Promise.race([options.readRedirectUrl?.(url), aborted]);
    try {
      const { code } = readRedirectUrl(String(pasted), { state: request.state });
      return await request.redeem(code, redirectUri);
    } catch (error) {
      if (!(error instanceof RedirectUrlError)) throw request.explain(error);
      if (tries === maxTries) throw new OneDriveTokenError('RESPONSE', error.message, { cause: error });
      emit({ type: 'paste-refused', reason: error.message });
    }
  }
}
