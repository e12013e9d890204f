/** The shape of `TokenCredential` in `@azure/core-auth`. */
export interface TokenCredential {
  /** A valid access token, and when it ends in epoch milliseconds. Rejects as the handler's `getToken()` does. */
  getToken(
    scopes: string | string[],
    options?: { abortSignal?: AbortSignal; claims?: string },
  ): Promise<{ token: string; expiresOnTimestamp: number }>;
}
