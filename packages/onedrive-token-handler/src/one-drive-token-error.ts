import { SharedTokenError, type SignInReason } from 'shared-token';

/** What went wrong: see OneDriveTokenError. */
export type OneDriveTokenErrorCode =
  | 'SIGN_IN_REQUIRED'
  | 'SIGN_IN_DENIED'
  | 'SIGN_IN_TIMEOUT'
  | 'NETWORK'
  | 'SERVER'
  | 'THROTTLED'
  | 'CONFIGURATION'
  | 'RESPONSE'
  | 'STORE'
  | 'CLOSED';

/** What is known about a failure besides its code and message. */
export interface OneDriveTokenErrorDetails {
  cause?: unknown;
  /** Default: true for NETWORK, SERVER and THROTTLED. */
  retryable?: boolean;
  error?: string | undefined;
  errorDescription?: string | undefined;
  errorCodes?: readonly number[] | undefined;
  correlationId?: string | undefined;
  traceId?: string | undefined;
  retryAfter?: number | undefined;
  reason?: SignInReason | undefined;
}

const retryableCodes: readonly OneDriveTokenErrorCode[] = ['NETWORK', 'SERVER', 'THROTTLED'];

/**
 * Every failure of the handler, apart from mistakes in its options (TypeError, RangeError) and aborts (the signal's reason).
 *
 * | code | what happened | what to do |
 * | --- | --- | --- |
 * | `SIGN_IN_REQUIRED` | no usable sign-in is stored, or the provider refused it; `reason` says why | call `signIn()` |
 * | `SIGN_IN_DENIED` | the person or the provider said no | sign in again, and accept |
 * | `SIGN_IN_TIMEOUT` | the sign-in was not finished in time | sign in again |
 * | `NETWORK` | the provider could not be reached, or the connection broke | try again later |
 * | `SERVER` | the provider failed | try again later |
 * | `THROTTLED` | too many requests | try again after `retryAfter` |
 * | `CONFIGURATION` | the app's registration or scopes are wrong | as the message says |
 * | `RESPONSE` | the answer makes no sense (a captive portal, a proxy) | as the message says |
 * | `STORE` | the token store failed; `cause` is its error | as the message says |
 * | `CLOSED` | the handler was closed | make a new one |
 */
export class OneDriveTokenError extends Error {
  override readonly name = 'OneDriveTokenError';
  readonly code: OneDriveTokenErrorCode;
  /** True if the same call may succeed later without any change. */
  readonly retryable: boolean;
  /** The provider's OAuth error, for example `invalid_grant` (RFC 6749 section 5.2). */
  declare readonly error?: string;
  /** The provider's explanation: its first line, without what was sent to the provider. */
  declare readonly errorDescription?: string;
  /** Microsoft's AADSTS numbers. */
  declare readonly errorCodes?: readonly number[];
  /** Microsoft's id of the request, for its support. */
  declare readonly correlationId?: string;
  declare readonly traceId?: string;
  /** How many milliseconds the provider asked to wait. */
  declare readonly retryAfter?: number;
  /** With SIGN_IN_REQUIRED: why. */
  declare readonly reason?: SignInReason;

  constructor(code: OneDriveTokenErrorCode, message: string, details: OneDriveTokenErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? retryableCodes.includes(code);
    if (details.error !== undefined) this.error = details.error;
    if (details.errorDescription !== undefined) this.errorDescription = details.errorDescription;
    if (details.errorCodes !== undefined) this.errorCodes = details.errorCodes;
    if (details.correlationId !== undefined) this.correlationId = details.correlationId;
    if (details.traceId !== undefined) this.traceId = details.traceId;
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter;
    if (details.reason !== undefined) this.reason = details.reason;
  }
}

/** What the person can do after a sign-in by this method took too long. */
export const timeoutAdvice = {
  browser: "If no browser opened, open the shown address by hand, or use the method 'paste' or 'device'.",
  device: "Enter the code and confirm it, or use the method 'browser' or 'paste'.",
  paste: "Paste the address of the page at which the browser ends, or use the method 'browser' or 'device'.",
};

/** The handler's error for one of shared-token. All other errors pass through: the handler's own, aborts, wrong arguments. */
export function toHandlerError(error: unknown): unknown {
  if (!(error instanceof SharedTokenError)) return error;
  // The provider's refusal says more than that a sign-in is required.
  if (error.code === 'SIGN_IN_REQUIRED' && error.cause instanceof OneDriveTokenError) return error.cause;
  const { retryable, reason, cause } = error;
  return new OneDriveTokenError(error.code, error.message, { cause, retryable, reason });
}

/** The OAuth error with Microsoft's numbers: `invalid_grant AADSTS700082`. */
export function describeRefusal(refusal: unknown): string {
  const { error = 'refused', errorCodes = [] } = refusal as OneDriveTokenError;
  return [error, ...errorCodes.map((number) => `AADSTS${number}`)].join(' ');
}
