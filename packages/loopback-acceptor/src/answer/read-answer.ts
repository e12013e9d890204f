/**
 * The one judge of an authorization response. In this folder: what an answer is, when it counts, and its errors. Nothing
 * here knows how the answer came: as a request of the browser, or as an address that a person pasted.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { AuthorizationError } from './authorization-error.ts';

/** The provider's one answer, RFC 6749 section 4.1.2. */
export interface AuthorizationResponse {
  /** The authorization code. A secret until it is redeemed. */
  readonly code: string;
  /** Everything the provider sent, `code`, `state` and `iss` included. */
  readonly params: URLSearchParams;
}

/** What an answer has to carry. */
export interface ExpectedAnswer {
  /** The `state` of the authorization request. */
  state: string;
  /** The provider's issuer. If it is given, `iss` has to be equal to it (RFC 9207). */
  issuer?: string | undefined;
}

/**
 * Why something is not the answer:
 *
 * - `duplicate-parameter`: a parameter is there twice, which RFC 6749 section 3.1 forbids.
 * - `no-answer`: it has neither a code nor an error.
 * - `code-and-error`: it has both.
 * - `wrong-state`: its `state` is missing or not the expected one.
 * - `wrong-issuer`: its `iss` is missing or not the expected one.
 */
export type AnswerFlaw = 'duplicate-parameter' | 'no-answer' | 'code-and-error' | 'wrong-state' | 'wrong-issuer';

/**
 * Reads urlencoded parameters, without a question mark before them. An `AuthorizationError` is an answer too: the
 * provider's no.
 */
export function readAnswer(
  encoded: string,
  { state, issuer }: ExpectedAnswer,
): AuthorizationResponse | AuthorizationError | AnswerFlaw {
  // URLSearchParams drops a first question mark, so it gets one of ours.
  const params = new URLSearchParams(`?${encoded}`);
  const names = [...params.keys()];
  if (new Set(names).size !== names.length) return 'duplicate-parameter';
  const code = params.get('code');
  const error = params.get('error');
  if (!code && !error) return 'no-answer';
  if (code !== null && error !== null) return 'code-and-error';
  if (!isSame(state, params.get('state'))) return 'wrong-state';
  if (issuer !== undefined && params.get('iss') !== issuer) return 'wrong-issuer';
  if (code) return { code, params };
  return new AuthorizationError({
    error: error as string,
    errorDescription: params.get('error_description') ?? undefined,
    errorUri: params.get('error_uri') ?? undefined,
  });
}

/**
 * Compares digests, which are of equal length, so that the time does not tell how much of a guess was right. `isSameState`
 * of pkce-state does the same for every runtime. Node has it built in, and without it this package has no dependency.
 */
function isSame(expected: string, received: string | null): boolean {
  return received !== null && timingSafeEqual(digest(expected), digest(received));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
