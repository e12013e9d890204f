import { randomInt } from 'node:crypto';
import { isSameState } from 'pkce-state';
import type { TokenResponse } from 'shared-token';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { toTokenError } from '../provider/provider-error.ts';
import { authorizationUrl, codeForm, createSecrets } from './authorization-request.ts';
import type { SignInAttempt, SignInOptions } from './sign-in-attempt.ts';

const maxTries = 3;

/**
 * For a browser on another computer: it ends on a loopback address that nothing listens on, and the person copies that
 * address from its address bar.
 */
export async function signInByPaste(
  attempt: SignInAttempt,
  readRedirectUrl: NonNullable<SignInOptions['readRedirectUrl']>,
): Promise<TokenResponse> {
  const { emit, signal } = attempt;
  const secrets = await createSecrets();
  // A random port in the range that no service is assigned to (RFC 6335 section 6).
  const redirectUri = `http://localhost:${randomInt(49152, 65536)}`;
  const url = await authorizationUrl(attempt, secrets, redirectUri, 'query');
  emit({ type: 'authorization-url', url });
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason));
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    const text = await Promise.race([readRedirectUrl(url), aborted]);
    const pasted = readPasted(text, secrets.state);
    if (pasted.error !== undefined)
      throw toTokenError({ error: pasted.error, description: pasted.description }, 'authorization', [secrets.state]);
    if (pasted.code !== undefined) return attempt.redeem(codeForm(pasted.code, redirectUri, attempt, secrets));
    if (tries === maxTries)
      throw new OneDriveTokenError('RESPONSE', `${pasted.refused} Sign in again and copy the whole address.`);
    emit({ type: 'paste-refused', reason: pasted.refused });
  }
}

type Pasted =
  | { code: string; error?: undefined }
  | { error: string; description: string | undefined; code?: undefined }
  | { refused: string; code?: undefined; error?: undefined };

/** Terminals wrap lines and mark what is pasted, shells add quotes and backslashes: none of it can be part of the address. */
function readPasted(text: string, state: string): Pasted {
  const address = String(text)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: bracketed paste is made of them
    .replace(/\x1b\[20[01]~/g, '')
    .replace(/[\s\p{C}"'`<>\\]/gu, '');
  const query = new URLSearchParams(address.slice(address.indexOf('?') + 1).replace(/#.*$/, ''));
  if ([...query.keys()].some((name) => query.getAll(name).length > 1))
    return { refused: 'The address has a parameter twice.' };
  const code = query.get('code');
  const error = query.get('error');
  if (!code && !error)
    return { refused: 'The address has no code in it: it is not the one at which the browser ended.' };
  if (!isSameState(state, query.get('state')))
    return { refused: 'The address belongs to another sign-in (its state differs).' };
  if (error) return { error, description: query.get('error_description') ?? undefined };
  return { code: code as string };
}
