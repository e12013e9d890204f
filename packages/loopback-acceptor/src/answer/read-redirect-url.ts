import { checkText, mustBe, refuseUnknown } from '../acceptor-options.ts';
import { AuthorizationError } from './authorization-error.ts';
import { type AuthorizationResponse, type ExpectedAnswer, readAnswer } from './read-answer.ts';
import { RedirectUrlError, type RedirectUrlReason } from './redirect-url-error.ts';

/** The values that a pasted address has to carry, and its page. */
export interface ExpectedRedirect extends ExpectedAnswer {
  /** The `redirect_uri` of the authorization request. If it is given, an address of another page is refused. */
  redirectUri?: string | undefined;
}

/**
 * Reads the answer from an address that a person copied from a browser on another computer. That browser ends at the redirect
 * URI, on which no program listens there. The rules are those of an answer that `openAcceptor` receives. Sends no request.
 *
 * `pasted` may be the whole address, with or without `http://`, or only the part after the question mark. A fragment is
 * ignored. So is what terminals, shells and mail programs add, because it cannot be part of an address: white space and line
 * breaks anywhere, control characters, the marks of a bracketed paste, quotes, backticks, angle brackets, backslashes.
 *
 * @throws {AuthorizationError} if the provider answered with an error and the right state.
 * @throws {RedirectUrlError} if the text is not the answer. Its `reason` says why, and its message says what to do.
 * @throws {TypeError} naming the parameter, if it has a wrong type, is empty, or is a `redirectUri` that is not an absolute
 * URL. An empty `pasted` is a RedirectUrlError.
 */
export function readRedirectUrl(pasted: string, expected: ExpectedRedirect): AuthorizationResponse {
  const { state, issuer, redirectUri, ...unknown } = expected;
  refuseUnknown(unknown);
  checkText('state', state);
  if (issuer !== undefined) checkText('issuer', issuer);
  if (redirectUri !== undefined) checkRedirectUri(redirectUri);
  const answer = readPastedAnswer(pasted, { state, issuer, redirectUri });
  if (answer instanceof AuthorizationError) throw answer;
  return answer;
}

/**
 * As `readRedirectUrl`, but returns the provider's error, which is an answer too, and takes `expected` as checked.
 *
 * @throws {RedirectUrlError} if the text is not the answer.
 * @throws {TypeError} if it is not a string.
 */
export function readPastedAnswer(
  pasted: string,
  { redirectUri, ...expected }: ExpectedRedirect,
): AuthorizationResponse | AuthorizationError {
  if (typeof pasted !== 'string') throw mustBe('pasted', 'a string', pasted);
  const { page, query } = split(clean(pasted));
  const expectedPage = redirectUri === undefined ? undefined : new URL(redirectUri);
  const answer = findPageFlaw(page, query, expectedPage) ?? readAnswer(query, expected);
  if (typeof answer === 'string') throw new RedirectUrlError(answer, redirectUri);
  return answer;
}

function clean(pasted: string): string {
  return (
    pasted
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the marks of a bracketed paste begin with ESC
      .replace(/\x1b\[20[01]~/g, '')
      .replace(/[\s\p{C}"'`<>\\]/gu, '')
  );
}

/** `page` is empty if the text is only the part after the question mark. */
function split(text: string): { page: string; query: string } {
  const mark = text.indexOf('?');
  const isPageOnly = mark === -1 && !/^[\w.-]+=/.test(text);
  if (isPageOnly) return { page: text, query: '' };
  return { page: text.slice(0, Math.max(0, mark)), query: text.slice(mark + 1).replace(/#.*$/, '') };
}

function findPageFlaw(page: string, query: string, expected: URL | undefined): RedirectUrlReason | undefined {
  if (page === '') return query === '' ? 'not-an-address' : undefined;
  // Without an expected page, the parameters alone decide.
  if (query !== '' && !expected) return undefined;
  const address = URL.parse(addScheme(page));
  if (!address) return 'not-an-address';
  if (expected && !isSamePage(address, expected)) return 'other-page';
  return query === '' ? 'no-query' : undefined;
}

/** Browsers hide the `http://`, and a person may copy the address as it is shown. */
function addScheme(page: string): string {
  return page.replace(/^(?=(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]|$))/i, 'http://');
}

function isSamePage(one: URL, other: URL): boolean {
  return one.origin === other.origin && one.pathname === other.pathname;
}

function checkRedirectUri(redirectUri: unknown): void {
  checkText('redirectUri', redirectUri);
  if (!URL.canParse(redirectUri)) throw new TypeError('`redirectUri` must be an absolute URL');
}
