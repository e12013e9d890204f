import type { SignIn } from './options.ts';

/** What one call of getToken() wants. */
export interface GetTokenOptions {
  /** Whether a person may be asked. Default: the instance's own `interactive`. */
  interactive?: boolean | undefined;
  /** Refreshes even if the token looks valid: for an API that answered 401. Default false. */
  forceRefresh?: boolean | undefined;
  /**
   * How long the token should be valid, in milliseconds: for a program that keeps it. One that expires sooner is refreshed.
   * The result may still expire sooner, if the provider's tokens do, or if the refresh fails while the old one is valid:
   * see its `expiresAt`. Default: `expirySkew`.
   */
  minValid?: number | undefined;
  /** Lets go of this call alone; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What one call of signIn() wants. */
export interface SignInOptions {
  /** Lets go of this call; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Another way to ask the person, for this call alone. */
  signIn?: SignIn | undefined;
}
