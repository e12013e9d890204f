import type { AnswerFlaw } from './read-answer.ts';

/**
 * Why a pasted text is not the answer. Besides the reasons of `AnswerFlaw`:
 *
 * - `not-an-address`: the text is empty or not an address.
 * - `other-page`: it is the address of a page other than `redirectUri`.
 * - `no-query`: the address has no question mark, or nothing after it.
 */
export type RedirectUrlReason = 'not-an-address' | 'other-page' | 'no-query' | AnswerFlaw;

/** What is wrong, and what the person can do. */
const explanations: Record<RedirectUrlReason, [problem: string, remedy: string]> = {
  'not-an-address': ['This is not an address', 'Copy the whole address from the address bar of the browser'],
  'other-page': [
    'This is the address of another page',
    'Copy the address of the page at which the browser was after the sign-in',
  ],
  'no-query': ['The part after the question mark is missing', 'Copy the whole address'],
  'no-answer': [
    'The address has no code in it',
    'Copy the address of the page at which the browser was after the sign-in',
  ],
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
  /** What is wrong with the text. The message is this, and then `remedy`. */
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
