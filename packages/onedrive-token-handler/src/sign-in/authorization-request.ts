import { AuthorizationError } from 'loopback-acceptor';
import { createPkce, createState } from 'pkce-state';
import type { TokenResponse } from 'shared-token';
import { readAccount } from '../id-token.ts';
import { endpointUrl } from '../provider/provider.ts';
import { readErrorFields, toTokenError } from '../provider/provider-error.ts';
import type { SignInAttempt } from './sign-in-options.ts';

/** One request for an authorization code, and the exchange of that code (RFC 6749 section 4.1, RFC 7636). */
export class AuthorizationRequest {
  /** Returns in the redirect. */
  readonly state = createState();
  /** The verifier goes to the token endpoint, its hash to the browser. Both are computed while sockets open. */
  readonly #pkce = createPkce();
  readonly #attempt: SignInAttempt;

  constructor(attempt: SignInAttempt) {
    this.#attempt = attempt;
  }

  /** The address on which the person signs in. */
  async url(redirectUri: string, responseMode: 'form_post' | 'query'): Promise<string> {
    const { settings, options, scope } = this.#attempt;
    const loginHint = chooseLoginHint(this.#attempt);
    const { challenge, method } = await this.#pkce;
    const parameters = new URLSearchParams({
      client_id: settings.clientId,
      response_type: 'code',
      redirect_uri: redirectUri,
      response_mode: responseMode,
      scope,
      state: this.state,
      code_challenge: challenge,
      code_challenge_method: method,
      ...(options.prompt && { prompt: options.prompt }),
      ...(loginHint && { login_hint: loginHint }),
    });
    return `${endpointUrl(settings.authority, 'authorize')}?${parameters}`;
  }

  /** Exchanges the code and stores the tokens. Once begun, neither the timeout nor an abort ends it. */
  async redeem(code: string, redirectUri: string): Promise<TokenResponse> {
    const { context, emit, provider, scope } = this.#attempt;
    const { verifier } = await this.#pkce;
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier, scope };
    return context.redeem(() => {
      emit({ type: 'redeeming' });
      return provider.requestTokens('code', form, scope);
    });
  }

  /** Converts an error answer of the provider to the handler's error. Other errors stay as they are. */
  explain(error: unknown): unknown {
    if (!(error instanceof AuthorizationError)) return error;
    const answer = { error: error.error, error_description: error.errorDescription };
    return toTokenError(readErrorFields(answer, [this.state]), 'authorization');
  }
}

/** Without a hint the person has to find out which of several accounts is meant. */
function chooseLoginHint({ options, context }: SignInAttempt): string | undefined {
  if (options.loginHint !== undefined) return options.loginHint;
  if (options.prompt === 'select_account') return undefined;
  return readAccount(context.record?.idToken)?.username;
}
