import { checkText } from '../acceptor-options.ts';
import { AuthorizationError } from './authorization-error.ts';
import { type AuthorizationResponse, type ExpectedAnswer, readAnswer } from './read-answer.ts';
import { RedirectUrlError, type RedirectUrlReason } from './redirect-url-error.ts';

/** What a pasted address has to be. */
export interface ExpectedRedirect extends ExpectedAnswer {
  /** The `redirect_uri` of the authorization request. If it is given, an address of another page is refused. */
  redirectUri?: string | undefined;
}

/**
 * Reads the answer from an address that a person copied from a browser on another computer. The same rules decide as for an
 * answer that the browser brings (see `openAcceptor`). No request is sent.
 *
 * Accepts the whole address, without its `http://` too, or only the part after the question mark. Ignores a fragment, and
 * what terminals, shells and mail programs add: white space and line breaks anywhere, control characters, the marks of a
 * bracketed paste, quotes, backticks, angle brackets and backslashes. None of these can be part of an address.
 *
 * @throws {AuthorizationError} if the provider answered with an error, and the state is right.
 * @throws {RedirectUrlError} if the text is not the answer. Its `reason` says why, its message what to do.
 * @throws {TypeError} naming the parameter, if one has a wrong type, if `state` or `issuer` is empty, or if `redirectUri`
 * is not an absolute URL.
 */
export function readRedirectUrl(pasted: string, expected: ExpectedRedirect): AuthorizationResponse {
  const { state, issuer, redirectUri } = expected;
  if (typeof pasted !== 'string') throw new TypeError(`\`pasted\` must be a string, got ${typeof pasted}`);
  checkText('state', state);
  if (issuer !== undefined) checkText('issuer', issuer);
  const expectedPage = redirectUri === undefined ? undefined : parseRedirectUri(redirectUri);
  const { page, query } = split(clean(pasted));
  const answer = findPageFlaw(page, query, expectedPage) ?? readAnswer(query, { state, issuer });
  if (answer instanceof AuthorizationError) throw answer;
  if (typeof answer === 'string') throw new RedirectUrlError(answer, redirectUri);
  return answer;
}

function clean(pasted: string): string {
  return (
    pasted
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal marks what is pasted with them
      .replace(/\x1b\[20[01]~/g, '')
      .replace(/[\s\p{C}"'`<>\\]/gu, '')
  );
}

/** `page` is empty if the text is only the part of an address after its question mark. */
function split(text: string): { page: string; query: string } {
  const mark = text.indexOf('?');
  const isPageOnly = mark === -1 && !/^[\w.-]+=/.test(text);
  if (isPageOnly) return { page: text, query: '' };
  return { page: text.slice(0, Math.max(0, mark)), query: text.slice(mark + 1).replace(/#.*$/, '') };
}

function findPageFlaw(page: string, query: string, expected: URL | undefined): RedirectUrlReason | undefined {
  if (page === '') return query === '' ? 'not-an-address' : undefined;
  // Without an expected page, only the parameters count.
  if (query !== '' && !expected) return undefined;
  const address = URL.parse(addScheme(page));
  if (!address) return 'not-an-address';
  if (expected && !isSamePage(address, expected)) return 'other-page';
  return query === '' ? 'no-query' : undefined;
}

/** Browsers do not show the `http://`, and a person may type what is shown. */
function addScheme(page: string): string {
  return page.replace(/^(?=(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]|$))/i, 'http://');
}

function isSamePage(one: URL, other: URL): boolean {
  return one.origin === other.origin && one.pathname === other.pathname;
}

function parseRedirectUri(redirectUri: unknown): URL {
  checkText('redirectUri', redirectUri);
  const url = URL.parse(redirectUri);
  if (!url) throw new TypeError('`redirectUri` must be an absolute URL');
  return url;
}
