/**
 * Judges an authorization response. This folder holds what an answer is, when it is accepted, and its errors. The same rules
 * hold for a request of the browser and for an address that a person pastes.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { replaceSecrets, toPlainLine } from '../plain-text.ts';

/** The provider's answer, RFC 6749 section 4.1.2. */
export interface AuthorizationResponse {
  /** The authorization code. A secret until it is redeemed. */
  readonly code: string;
  /** Everything the provider sent, `code`, `state` and `iss` included. */
  readonly params: URLSearchParams;
}

/** The values that an answer has to carry, and the page of a pasted address. */
export interface ExpectedRedirect {
  /** The `state` of the authorization request. */
  state: string;
  /** The provider's issuer. If it is given, `iss` has to be equal to it (RFC 9207). */
  issuer?: string | undefined;
  /** The `redirect_uri` of the authorization request. If it is given, a pasted address of another page is refused. */
  redirectUri?: string | undefined;
}

/**
 * The provider answered with an error (RFC 6749 section 4.1.2.1) and the right `state`, for example because the person
 * declined.
 *
 * The fields are as the provider sent them, without the state. The message is safe to print: one line, shortened, without control
 * characters.
 */
export class AuthorizationError extends Error {
  override readonly name = 'AuthorizationError';
  readonly code = 'AUTHORIZATION_ERROR';
  /** `access_denied`, `invalid_scope`, … */
  readonly error: string;
  /** The provider's explanation. Missing if the provider sent none. */
  declare readonly errorDescription?: string;
  /** The address of a page about the error. Missing if the provider sent none. */
  declare readonly errorUri?: string;

  constructor(details: { error: string; errorDescription?: string | undefined; errorUri?: string | undefined }) {
    const { error, errorDescription, errorUri } = details;
    super(toPlainLine(`The provider refused: ${error}${errorDescription ? ` (${errorDescription})` : ''}`));
    this.error = error;
    if (errorDescription !== undefined) this.errorDescription = errorDescription;
    if (errorUri !== undefined) this.errorUri = errorUri;
  }
}

/** Why a response is not the answer. RFC 6749 section 3.1 forbids a parameter that comes twice. */
export type AnswerFlaw = 'duplicate-parameter' | 'no-answer' | 'code-and-error' | 'wrong-state' | 'wrong-issuer';

/**
 * Reads the urlencoded parameters of a response. An `AuthorizationError` is an answer of the provider too, so it is returned,
 * not thrown.
 */
export function readAnswer(
  encoded: string,
  { state, issuer }: ExpectedRedirect,
): AuthorizationResponse | AuthorizationError | AnswerFlaw {
  // URLSearchParams drops one question mark at the start: the one added here, not one that was sent.
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
  const read = (name: string): string | undefined => {
    const text = params.get(name);
    return text === null ? undefined : hideSecrets(text, [state]);
  };
  return new AuthorizationError({
    error: read('error') as string,
    errorDescription: read('error_description'),
    errorUri: read('error_uri'),
  });
}

/** Shorter values are not secret, and replacing them could make a text unreadable. */
const minSecretLength = 8;

/** Replaces the secrets in a text that may quote the request. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret.length >= minSecretLength);
  return replaceSecrets(text, known, '…');
}

/** Compares digests, which have equal lengths, so that the time does not tell how much of a guess was right. */
function isSame(expected: string, received: string | null): boolean {
  return received !== null && timingSafeEqual(hash('sha256', expected, 'buffer'), hash('sha256', received, 'buffer'));
}
