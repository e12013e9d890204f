import type { SignInContext, TokenResponse } from 'shared-token';
import type { Settings } from '../options.ts';
import type { Provider } from '../provider/provider.ts';
import type { ProviderStep } from '../provider/provider-error.ts';
import type { Account, TokenEvent } from '../token-event.ts';
import type { SignInOptions } from './sign-in-options.ts';

export interface SignInRequest {
  readonly settings: Settings;
  readonly options: SignInOptions;
  /** SharedToken's: it ends the wait, and stores what a code was exchanged for. */
  readonly context: SignInContext;
  readonly provider: Provider;
  readonly emit: (event: TokenEvent) => void;
  /** Called with what the tokens say of themselves, before they are stored. */
  readonly onTokens: (granted: GrantedSignIn) => void;
}

/** What an answer to a sign-in says besides its tokens. */
export interface GrantedSignIn {
  readonly account: Account | undefined;
  readonly scopes: string[];
  /** Scopes that were asked for and not granted. */
  readonly missing: string[];
}

/** One sign-in that is under way: what each method needs to do its part. */
export interface SignInAttempt extends SignInRequest {
  /** As the provider is asked for them, separated by spaces. */
  readonly scope: string;
  /** The account to suggest. */
  readonly loginHint: string | undefined;
  /** Sends one token request. */
  request(step: ProviderStep, form: Record<string, string>): Promise<TokenResponse>;
}
