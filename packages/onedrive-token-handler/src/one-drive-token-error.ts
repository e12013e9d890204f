import { SharedTokenError, type SignInReason } from 'shared-token';

/** What went wrong: see {@link OneDriveTokenError}. */
export type OneDriveTokenErrorCode =
  | 'SIGN_IN_REQUIRED' // no usable sign-in is stored, or the provider refused it; `reason` says why
  | 'SIGN_IN_DENIED' // the person or the provider said no
  | 'SIGN_IN_TIMEOUT' // the sign-in was not finished in time
  | 'NETWORK' // the provider could not be reached, or the connection broke
  | 'SERVER' // the provider failed
  | 'THROTTLED' // too many requests; `retryAfter` says when to try again
  | 'CONFIGURATION' // the app's registration or scopes are wrong
  | 'RESPONSE' // the answer cannot be used (a captive portal, a proxy)
  | 'STORE' // the token store failed; `cause` is its error
  | 'CLOSED'; // the handler was closed

/** What is known besides the code and the problem. `retryable` is by default true for NETWORK, SERVER and THROTTLED. */
export type OneDriveTokenErrorDetails = { cause?: unknown } & {
  [Name in Exclude<keyof OneDriveTokenError, keyof Error | 'code' | 'problem'>]?: OneDriveTokenError[Name] | undefined;
};

const retryableCodes: readonly OneDriveTokenErrorCode[] = ['NETWORK', 'SERVER', 'THROTTLED'];

/** Every failure of the handler, apart from mistakes in its options (TypeError, RangeError) and aborts (the signal's reason). */
export class OneDriveTokenError extends Error {
  override readonly name = 'OneDriveTokenError';
  readonly code: OneDriveTokenErrorCode;
  /** What went wrong, without a final full stop. */
  readonly problem: string;
  /** What a person can do about it, if that is known: begins with a capital letter, has no final full stop. */
  declare readonly remedy?: string;
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

  /** The message is the problem, and the remedy as a second sentence. */
  constructor(code: OneDriveTokenErrorCode, problem: string, details: OneDriveTokenErrorDetails = {}) {
    const { cause, remedy, retryable = retryableCodes.includes(code), ...facts } = details;
    super(remedy === undefined ? problem : `${problem}. ${remedy}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.problem = problem;
    this.retryable = retryable;
    for (const [name, value] of Object.entries({ remedy, ...facts })) {
      if (value !== undefined) Object.assign(this, { [name]: value });
    }
  }
}

export function closedError(): OneDriveTokenError {
  return new OneDriveTokenError('CLOSED', 'The handler was closed', { remedy: 'Create a new handler' });
}

/** Converts an error of shared-token to one of the handler. All others pass through: the handler's own, aborts, wrong arguments. */
export function toHandlerError(error: unknown): unknown {
  if (!(error instanceof SharedTokenError)) return error;
  const { code, problem, remedy, cause, retryable, reason } = error;
  if (code === 'CLOSED') return closedError();
  // The provider's own error says more than SIGN_IN_REQUIRED of shared-token.
  if (code === 'SIGN_IN_REQUIRED' && cause instanceof OneDriveTokenError) return cause;
  // An earlier call got the refusal: its text comes from the record.
  const errorDescription = reason === 'refused' ? (Object(cause) as Error).message : undefined;
  return new OneDriveTokenError(code, problem, { remedy, cause, retryable, reason, errorDescription });
}

/** The OAuth error with Microsoft's numbers: `invalid_grant AADSTS700082`. */
export function describeRefusal(refusal: unknown): string {
  const { error = 'refused', errorCodes = [] } = refusal as OneDriveTokenError;
  return [error, ...errorCodes.map((number) => `AADSTS${number}`)].join(' ');
}
