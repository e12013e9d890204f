/** The shape of `TokenCredential` in `@azure/core-auth`. */
export interface TokenCredential {
  /** A valid access token, and when it ends in epoch milliseconds. Rejects as the handler's `getToken()` does. */
  getToken(
    scopes: string | string[],
    options?: { abortSignal?: AbortSignalLike; claims?: string },
  ): Promise<{ token: string; expiresOnTimestamp: number }>;
}

/** The part of a signal that is needed: the Azure SDKs may give one that is not an AbortSignal. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  /** As an EventTarget has it. */
  addEventListener(type: 'abort', listener: () => void): unknown;
}

/** A signal that aborts together with it. */
export function toAbortSignal(signal: AbortSignalLike): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  return controller.signal;
}
