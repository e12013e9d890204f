import { createHash, timingSafeEqual } from 'node:crypto';
import type { Refusal } from '../http/refusal.ts';
import { AuthorizationError } from './authorization-error.ts';

/** The provider's one answer, RFC 6749 section 4.1.2. */
export interface AuthorizationResponse {
  /** The authorization code. A secret until it is redeemed. */
  readonly code: string;
  /** Everything the provider sent, `code`, `state` and `iss` included. */
  readonly params: URLSearchParams;
}

/** What makes a response ours. */
export interface Expectation {
  state: string;
  issuer: string | undefined;
}

/** Reads urlencoded parameters: a code, the provider's error, or why they are neither. */
export function readAnswer(
  encoded: string,
  { state, issuer }: Expectation,
): AuthorizationResponse | AuthorizationError | Refusal {
  // With a question mark of ours, for URLSearchParams drops one.
  const params = new URLSearchParams(`?${encoded}`);
  const names = [...params.keys()];
  if (new Set(names).size !== names.length) return { status: 400, reason: 'A parameter was given twice.' };
  // Before the rest, so that nobody learns anything without it.
  if (!isSame(state, params.get('state'))) return { status: 400, reason: 'The state is not that of this sign-in.' };
  if (issuer !== undefined && params.get('iss') !== issuer) {
    return { status: 400, reason: 'The response is not from the expected issuer.' };
  }
  const code = params.get('code');
  const error = params.get('error');
  if ((code === null) === (error === null) || code === '' || error === '') {
    return { status: 400, reason: 'An authorization response has either a code or an error.' };
  }
  if (error === null) return { code: code as string, params };
  return new AuthorizationError({
    error,
    errorDescription: params.get('error_description') ?? undefined,
    errorUri: params.get('error_uri') ?? undefined,
  });
}

/** In a time that does not tell how much of the guess was right: digests are of equal length. */
function isSame(expected: string, received: string | null): boolean {
  return received !== null && timingSafeEqual(digest(expected), digest(received));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
