/** What `renderPage` makes the browser's page from. */
export interface PageContext {
  /**
   * - `accepted`: the answer has arrived, and where there is a `redeem`, it resolved.
   * - `denied`: the provider answered with an error.
   * - `failed`: `redeem` rejected, or the wait was closed or aborted while it ran.
   */
  outcome: 'accepted' | 'denied' | 'failed';
  /** Whether a `redeem` has resolved: only then is the person known to be signed in. */
  redeemed: boolean;
  /** `error` as the provider sent it, or the `code` or else the `name` of the rejection. Not escaped. */
  error?: string;
  /** `error_description` as the provider sent it, or the rejection's message without the code. Not escaped. */
  description?: string;
  /**
   * Makes a text inert between tags and in a quoted attribute, and drops what would turn the reading direction. `undefined`,
   * which `error` and `description` may be, becomes an empty text.
   */
  escape(text: string | undefined): string;
}
