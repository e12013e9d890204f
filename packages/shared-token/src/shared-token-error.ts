import type { Lock } from 'token-store-kit';

/**
 * - `SIGN_IN_REQUIRED`: no usable sign-in is stored, and no person could be asked; `reason` says why.
 * - `SIGN_IN_TIMEOUT`: the person did not finish in time.
 * - `RESPONSE`: the provider's token response cannot be used.
 * - `STORE`: the store failed; `cause` is its error.
 * - `CLOSED`: `close()` was called.
 */
export type SharedTokenErrorCode = 'SIGN_IN_REQUIRED' | 'SIGN_IN_TIMEOUT' | 'RESPONSE' | 'STORE' | 'CLOSED';

/**
 * Why a sign-in is required. It is decided in refresh.ts, refresh-once.ts and sign-in.ts.
 *
 * - `expired`: the stored access token has expired, and the provider gave no refresh token.
 * - `not-signed-in`: nothing is stored under this name for this client and authority.
 * - `refused`: the provider refused the refresh token; `cause` is what `refresh` threw. Or there is no refresh token, and a call forced a
 *   refresh because an API rejected the access token.
 * - `not-accepted`: `accepts` says that the stored sign-in lacks what this program needs.
 * - `signed-out`: a sign-out came while the call was under way.
 */
export type SignInReason = 'expired' | 'not-signed-in' | 'refused' | 'not-accepted' | 'signed-out';

/** The error message for each reason. NAME stands for the record's name. */
const signInProblems: Record<SignInReason, string> = {
  expired: 'The access token of NAME has expired, and the provider gave no refresh token',
  'not-signed-in': 'No sign-in is stored for NAME with this client id and authority',
  refused: 'The provider refused the stored sign-in of NAME',
  'not-accepted': 'The stored sign-in of NAME lacks what this program needs',
  'signed-out': 'A sign-out of NAME ended this call',
};

/** The details of a failure besides its code and its problem. */
interface SharedTokenErrorDetails extends ErrorOptions {
  remedy?: string | undefined;
  /** Default false. */
  retryable?: boolean;
  reason?: SignInReason | undefined;
}

/**
 * A failure of SharedToken itself. Errors of `refresh` and `signIn` pass through unchanged, except a refusal that needs a
 * sign-in. A `refresh` that ignores `refreshTimeout` ends in a DOMException named TimeoutError. Mistakes in the options
 * throw a TypeError or RangeError. After an abort, the call rejects with the signal's reason.
 */
export class SharedTokenError extends Error {
  override readonly name = 'SharedTokenError';
  readonly code: SharedTokenErrorCode;
  /** What went wrong, without a full stop. */
  readonly problem: string;
  /** What to do about it, if known: a sentence without its full stop. */
  declare readonly remedy?: string;
  /** True if the same call may succeed later without any change. */
  readonly retryable: boolean;
  /** With SIGN_IN_REQUIRED: why. */
  declare readonly reason?: SignInReason;

  /** `message` is the problem, and the remedy as a second sentence. */
  constructor(code: SharedTokenErrorCode, problem: string, details: SharedTokenErrorDetails = {}) {
    const { remedy, cause, retryable = false, reason } = details;
    super(remedy === undefined ? problem : `${problem}. ${remedy}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.problem = problem;
    this.retryable = retryable;
    if (remedy !== undefined) this.remedy = remedy;
    if (reason !== undefined) this.reason = reason;
  }
}

/** SIGN_IN_REQUIRED with this reason, for the record of that name. */
export function signInRequired(reason: SignInReason, { name }: { name: string }, cause?: unknown): SharedTokenError {
  const problem = signInProblems[reason].replace('NAME', () => JSON.stringify(name));
  return new SharedTokenError('SIGN_IN_REQUIRED', problem, { remedy: 'Call signIn()', reason, cause });
}

/** STORE for a task that lost its lock: another process may hold the lock by now. */
export function lockLostError({ signal }: Lock): SharedTokenError {
  return tryAgainError('The lock was lost before the work was finished', signal.reason);
}

/** STORE for a failure that a retry may overcome, for example of a store that took too long. */
export function tryAgainError(problem: string, cause?: unknown): SharedTokenError {
  return new SharedTokenError('STORE', problem, { remedy: 'Try again', cause, retryable: true });
}

/** How many milliseconds to wait before the next refresh: `retryAfter` of the error, or 0 without one. */
export function retryAfterOf(error: unknown): number {
  const { retryAfter } = Object(error) as { retryAfter?: unknown };
  return typeof retryAfter === 'number' && retryAfter > 0 ? retryAfter : 0;
}

/** STORE with the store's error as `cause`; retryable if it was busy, full or not reachable. */
export function toStoreError(error: unknown): SharedTokenError {
  if (error instanceof SharedTokenError) return error;
  const { code, reason, message = String(error), problem = message, remedy } = Object(error);
  const retryable = code === 'STORE_BUSY' || code === 'STORE_FULL' || reason === 'unreachable';
  return new SharedTokenError('STORE', problem, { remedy, cause: error, retryable });
}

/** Whether an error has this code. It may come from a store, or from another copy of this package. */
export function hasCode(error: unknown, code: SharedTokenErrorCode | 'STORE_BUSY'): boolean {
  return (Object(error) as { code?: unknown }).code === code;
}

/** Whether a sign-out ended the work. */
export function isSignedOut(error: unknown): boolean {
  return (Object(error) as { reason?: unknown }).reason === 'signed-out';
}
