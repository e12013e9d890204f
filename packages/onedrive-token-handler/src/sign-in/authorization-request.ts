import { AuthorizationError } from 'loopback-acceptor';
import { createPkce, createState } from 'pkce-state';
import { endpointUrl } from '../provider/endpoint-url.ts';
import { removeSecrets, toTokenError } from '../provider/provider-error.ts';
import type { SignInAttempt } from './sign-in-attempt.ts';

/** `state` returns in the redirect; `verifier` goes to the token endpoint; `challenge` is its hash. */
export interface RequestSecrets {
  state: string;
  verifier: string;
  challenge: string;
}

export async function createSecrets(state: string = createState()): Promise<RequestSecrets> {
  const { verifier, challenge } = await createPkce();
  return { state, verifier, challenge };
}

/** The address on which the person signs in (RFC 6749 section 4.1.1, RFC 7636 section 4.3). */
export function authorizationUrl(
  { settings, options, scope, loginHint }: SignInAttempt,
  { state, challenge }: RequestSecrets,
  redirectUri: string,
  responseMode: 'form_post' | 'query',
): string {
  const parameters = new URLSearchParams({
    client_id: settings.clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    response_mode: responseMode,
    scope,
    state,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...(options.prompt && { prompt: options.prompt }),
    ...(loginHint && { login_hint: loginHint }),
  });
  return `${endpointUrl(settings.authority, 'authorize')}?${parameters}`;
}

/** The token request for a code (RFC 6749 section 4.1.3, RFC 7636 section 4.5). */
export function codeForm(
  code: string,
  redirectUri: string,
  { scope }: SignInAttempt,
  { verifier }: RequestSecrets,
): Record<string, string> {
  return { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier, scope };
}

/** The handler's error for the provider's answer to the authorization request. Other errors stay as they are. */
export function toSignInError(error: unknown, { state }: Pick<RequestSecrets, 'state'>): unknown {
  if (!(error instanceof AuthorizationError)) return error;
  const fields = removeSecrets({ error: error.error, description: error.errorDescription }, [state]);
  return toTokenError(fields, 'authorization');
}
