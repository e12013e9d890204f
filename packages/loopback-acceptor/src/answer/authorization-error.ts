import { toPlainLine } from '../plain-text.ts';

/** The parameters of an error response, RFC 6749 section 4.1.2.1. */
export interface AuthorizationErrorDetails {
  error: string;
  errorDescription?: string | undefined;
  errorUri?: string | undefined;
}

/**
 * The provider answered with an error (RFC 6749 section 4.1.2.1) and the right `state`, for example because the person
 * declined.
 *
 * The fields are as the provider sent them. The message is safe to print: one line, shortened, without control
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

  constructor({ error, errorDescription, errorUri }: AuthorizationErrorDetails) {
    super(toPlainLine(`The provider refused: ${error}${errorDescription ? ` (${errorDescription})` : ''}`));
    this.error = error;
    if (errorDescription !== undefined) this.errorDescription = errorDescription;
    if (errorUri !== undefined) this.errorUri = errorUri;
  }
}
