/** The shape of `TokenCredential` in `@azure/core-auth`. */
export interface TokenCredential {
  /** A valid access token, and when it ends in epoch milliseconds. Rejects as the handler's `getToken()` does. */
  getToken(
    scopes: string | string[],
    options?: { abortSignal?: AbortSignalLike; claims?: string },
  ): Promise<{ token: string; expiresOnTimestamp: number }>;
}

/** The part of a signal that is needed: those of the Azure SDKs need not be real ones. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  /** As an EventTarget has it. */
  addEventListener(type: 'abort', listener: () => void): unknown;
}

/** The same signal where it is a real one, else one that aborts with it. */
export function toAbortSignal(signal: AbortSignalLike): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  const controller = new AbortController();
  if (signal.aborted) controller.abort();
  signal.addEventListener('abort', () => controller.abort());
  return controller.signal;
}
