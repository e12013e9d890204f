/** The outcome of the wait, for `renderPage`. */
export interface PageContext {
  /**
   * - `accepted`: the answer has arrived, and if there is a `redeem`, it has resolved.
   * - `denied`: the provider answered with an error.
   * - `failed`: `redeem` rejected, or the acceptor was closed or aborted after the answer came.
   */
  outcome: 'accepted' | 'denied' | 'failed';
  /** Whether `redeem` has resolved. Only then is it certain that the person is signed in. */
  redeemed: boolean;
  /** The provider's `error`, or the rejection's `code`, or its `name` if it has no code. Not escaped. */
  error?: string;
  /** The provider's `error_description`, or the rejection's message without the code and the state. Not escaped. */
  description?: string;
  /**
   * Makes a text safe between tags and in a quoted attribute: escapes HTML, and replaces control characters and characters
   * that change the reading direction. `undefined`, which `error` and `description` may be, becomes an empty text.
   */
  escape(text: string | undefined): string;
}
