import type { SignInContext } from 'shared-token';
import type { Settings } from '../options.ts';
import type { Provider } from '../provider/provider.ts';
import type { TokenEvent } from '../token-event.ts';
import type { SignInOptions } from './sign-in-options.ts';

/** One sign-in that is under way: what each method needs to do its part. */
export interface SignInAttempt {
  readonly settings: Settings;
  readonly options: SignInOptions;
  /** SharedToken's: it ends the wait, and stores what a code was exchanged for. */
  readonly context: SignInContext;
  readonly provider: Provider;
  readonly emit: (event: TokenEvent) => void;
  /** As the provider is asked for them, separated by spaces. */
  readonly scope: string;
}
