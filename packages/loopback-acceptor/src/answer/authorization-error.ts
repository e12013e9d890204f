import { toPlainLine } from '../plain-text.ts';

/** The parameters of an error response, RFC 6749 section 4.1.2.1. */
export interface AuthorizationErrorDetails {
  error: string;
  errorDescription?: string | undefined;
  errorUri?: string | undefined;
}

/**
 * The provider answered with an error (RFC 6749 section 4.1.2.1), with the right `state`: the person declined, say.
 *
 * The fields are as the provider sent them. The message is safe to print: one line, shortened, without control
 * characters.
 */
export class AuthorizationError extends Error {
  override readonly name = 'AuthorizationError';
  readonly code = 'AUTHORIZATION_ERROR';
  /** `access_denied`, `invalid_scope`, … */
  readonly error: string;
  /** The provider's explanation, where it sent one. */
  declare readonly errorDescription?: string;
  /** A page about the error, where the provider sent one. */
  declare readonly errorUri?: string;

  constructor({ error, errorDescription, errorUri }: AuthorizationErrorDetails) {
    super(toPlainLine(`The provider refused: ${error}${errorDescription ? ` (${errorDescription})` : ''}`));
    this.error = error;
    if (errorDescription !== undefined) this.errorDescription = errorDescription;
    if (errorUri !== undefined) this.errorUri = errorUri;
  }
}
