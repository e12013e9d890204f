import type { Lock } from 'token-store-kit';

/** What went wrong: see SharedTokenError. */
export type SharedTokenErrorCode = 'SIGN_IN_REQUIRED' | 'SIGN_IN_TIMEOUT' | 'RESPONSE' | 'STORE' | 'CLOSED';

/**
 * Why a sign-in is required:
 *
 * - `not-signed-in`: nothing is stored under this name for this client and authority.
 * - `refused`: the provider refused the refresh token; `cause` is what `refresh` threw.
 * - `not-accepted`: `accepts` says that the stored sign-in lacks what this program needs.
 * - `signed-out`: a sign-out won while the call was under way.
 */
export type SignInReason = 'not-signed-in' | 'refused' | 'not-accepted' | 'signed-out';

/** What is known about a failure besides its code and message. */
export interface SharedTokenErrorDetails {
  cause?: unknown;
  /** Default false. */
  retryable?: boolean;
  reason?: SignInReason | undefined;
}

/**
 * A failure of SharedToken itself. What `refresh` and `signIn` throw passes through unchanged, apart from a refusal that
 * needs a sign-in. A `refresh` that ignores `refreshTimeout` ends in a DOMException named TimeoutError. Mistakes in the
 * options are a TypeError or RangeError, an abort is the signal's reason.
 *
 * | code | what happened | what to do |
 * | --- | --- | --- |
 * | `SIGN_IN_REQUIRED` | no usable sign-in is stored, and no person could be asked; `reason` says why | call `signIn()` |
 * | `SIGN_IN_TIMEOUT` | the person did not finish in time | sign in again |
 * | `RESPONSE` | the provider's token response cannot be used | as the message says |
 * | `STORE` | the store failed; `cause` is its error | as the message says |
 * | `CLOSED` | `close()` was called | make a new SharedToken |
 */
export class SharedTokenError extends Error {
  override readonly name = 'SharedTokenError';
  readonly code: SharedTokenErrorCode;
  /** True if the same call may succeed later without any change. */
  readonly retryable: boolean;
  /** With SIGN_IN_REQUIRED: why. */
  declare readonly reason?: SignInReason;

  constructor(code: SharedTokenErrorCode, message: string, details: SharedTokenErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? false;
    if (details.reason !== undefined) this.reason = details.reason;
  }
}

/** The SIGN_IN_REQUIRED of a call that was under way when a sign-out won. */
export function signedOutError(): SharedTokenError {
  return new SharedTokenError('SIGN_IN_REQUIRED', 'A sign-out ended this call. Call signIn().', {
    reason: 'signed-out',
  });
}

/** The STORE of a task whose lock was lost: another process may hold it by now. */
export function lockLostError({ signal }: Lock): SharedTokenError {
  const message = 'The lock of the store was lost before the work under it was done. Try again.';
  return new SharedTokenError('STORE', message, { cause: signal.reason, retryable: true });
}

/** Runs the work of a store; whatever it throws becomes STORE. */
export async function asStoreErrors<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStoreError(error);
  }
}

/** STORE with the store's error as `cause`; retryable if it was busy, full or not reachable. */
export function toStoreError(error: unknown): SharedTokenError {
  if (error instanceof SharedTokenError) return error;
  const retryable =
    isBusy(error) || propertyOf(error, 'code') === 'STORE_FULL' || propertyOf(error, 'reason') === 'unreachable';
  const message = error instanceof Error ? error.message : String(error);
  return new SharedTokenError('STORE', message, { cause: error, retryable });
}

/** Whether an error of a store says that its lock or its data is held by another caller. */
export function isBusy(error: unknown): boolean {
  return propertyOf(error, 'code') === 'STORE_BUSY';
}

function propertyOf(error: unknown, name: 'code' | 'reason'): unknown {
  return error instanceof Error ? (error as { code?: unknown; reason?: unknown })[name] : undefined;
}
