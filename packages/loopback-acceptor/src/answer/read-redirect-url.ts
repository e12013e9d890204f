import { checkText, mustBe, refuseUnknown } from '../acceptor-options.ts';
import {
  type AnswerFlaw,
  AuthorizationError,
  type AuthorizationResponse,
  type ExpectedRedirect,
  readAnswer,
} from './read-answer.ts';

/** Why a pasted text is not the answer. */
export type RedirectUrlReason = 'not-an-address' | 'other-page' | AnswerFlaw;

const copyPage = 'Copy the whole address of the page at which the browser was after the sign-in';

/** What is wrong, and what the person can do. */
const explanations: Record<RedirectUrlReason, [problem: string, remedy: string]> = {
  'not-an-address': ['This is not an address', 'Copy the whole address from the address bar of the browser'],
  'other-page': ['This is the address of another page', copyPage],
  'no-answer': ['The address has no code in it', copyPage],
  'code-and-error': ['The address has both a code and an error in it', 'Sign in again and copy the new address'],
  'duplicate-parameter': ['The address has a parameter twice', 'Copy the address again and paste it once'],
  'wrong-state': ['The address belongs to another sign-in', 'Open the link of this sign-in and copy the new address'],
  'wrong-issuer': ['The address does not come from the expected provider', 'Open the link of this sign-in again'],
};

/**
 * The pasted text is not the answer to this sign-in. The message says what the person can do, and repeats nothing of the
 * pasted text. A program that wants words of its own chooses them by `reason`.
 */
export class RedirectUrlError extends Error {
  override readonly name = 'RedirectUrlError';
  readonly code = 'REDIRECT_URL';
  readonly reason: RedirectUrlReason;
  /** What is wrong with the text. The message is this, followed by `remedy`. */
  readonly problem: string;
  /** What the person can do. */
  readonly remedy: string;

  /** @param redirectUri is named in the remedy if the reason is about the page. */
  constructor(reason: RedirectUrlReason, redirectUri?: string) {
    const isAboutPage = reason === 'not-an-address' || reason === 'other-page';
    const [problem, advice] = explanations[reason];
    const remedy = isAboutPage && redirectUri !== undefined ? `${advice}. It starts with ${redirectUri}` : advice;
    super(`${problem}. ${remedy}`);
    this.reason = reason;
    this.problem = problem;
    this.remedy = remedy;
  }
}

/**
 * Reads the answer from an address that a person copied from a browser on another computer. That browser ends at the redirect
 * URI, where no program listens on that computer. The rules are those of an answer to `openAcceptor`. Sends no request.
 *
 * `pasted` may be the whole address, with or without `http://`, or only the part after the question mark. A fragment is
 * ignored. So are characters that terminals, shells and mail programs add, and that no address contains: white space and line
 * breaks anywhere, control characters, the marks of a bracketed paste, quotes, backticks, angle brackets, backslashes.
 *
 * @throws {AuthorizationError} if the provider answered with an error and the right state.
 * @throws {RedirectUrlError} if the text is not the answer. Its `reason` says why, and its message says what to do.
 * @throws {TypeError} naming the parameter, if it has a wrong type, is empty, or is a `redirectUri` that is no http URL.
 */
export function readRedirectUrl(pasted: string, expected: ExpectedRedirect): AuthorizationResponse {
  const { state, issuer, redirectUri, ...unknown } = expected;
  refuseUnknown(unknown);
  checkText('state', state);
  if (issuer !== undefined) checkText('issuer', issuer);
  // Without `http://`, `localhost:` is a scheme, and no page would match.
  if (redirectUri !== undefined && !URL.parse(redirectUri)?.protocol.startsWith('http'))
    throw new TypeError('`redirectUri` must be a URL that begins with http:// or https://');
  const answer = readPastedAnswer(pasted, expected);
  if (answer instanceof AuthorizationError) throw answer;
  return answer;
}

/** As `readRedirectUrl`, but returns the provider's error, which is an answer too, and does not check `expected`. */
export function readPastedAnswer(
  pasted: string,
  expected: ExpectedRedirect,
): AuthorizationResponse | AuthorizationError {
  if (typeof pasted !== 'string') throw mustBe('pasted', 'a string', pasted);
  const { page, query } = split(clean(pasted));
  const answer = findPageFlaw(page, query, expected.redirectUri) ?? readAnswer(query, expected);
  if (typeof answer === 'string') throw new RedirectUrlError(answer, expected.redirectUri);
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
  // A value may have a question mark (RFC 3986 section 3.4).
  const isQueryOnly = /^[\w.-]+=/.test(text);
  const mark = isQueryOnly ? -1 : text.indexOf('?');
  if (mark === -1 && !isQueryOnly) return { page: text, query: '' };
  return { page: text.slice(0, Math.max(0, mark)), query: text.slice(mark + 1).replace(/#.*$/, '') };
}

function findPageFlaw(page: string, query: string, redirectUri: string | undefined): RedirectUrlReason | undefined {
  if (page === '') return query === '' ? 'not-an-address' : undefined;
  // Without an expected page, the parameters alone decide.
  if (query !== '' && redirectUri === undefined) return undefined;
  // Browsers hide the `http://`, and a person may copy the address as it is shown.
  const address = URL.parse(page.replace(/^(?=(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]|$))/i, 'http://'));
  if (!address) return 'not-an-address';
  const expected = new URL(redirectUri ?? address);
  return address.origin === expected.origin && address.pathname === expected.pathname ? undefined : 'other-page';
}
