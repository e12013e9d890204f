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
  /** As an EventTarget has it. */
  addEventListener(type: 'abort', listener: () => void): unknown;
}

/** The signal itself if it is an AbortSignal, else one that aborts together with it. */
export function toAbortSignal(signal: AbortSignalLike): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  const controller = new AbortController();
  if (signal.aborted) controller.abort();
  signal.addEventListener('abort', () => controller.abort());
  return controller.signal;
}
