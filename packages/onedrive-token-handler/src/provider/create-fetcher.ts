import { HttpClient } from './http-client.ts';

/** A `fetch` for calls to Microsoft Graph that need no sign-in of this program. */
export interface Fetcher {
  /**
   * undici's `fetch`, through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name. It adds no token. Throws NETWORK, which
   * says what to do, or the signal's reason.
   */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
  /** Ends every request at once. */
  close(): Promise<void>;
}

/** As `fetch` of a handler, for a program that has its token from elsewhere. Nothing is opened or loaded yet. */
export function createFetcher(): Fetcher {
  const http = new HttpClient(undefined);
  return {
    fetch: (url, init = {}) => http.fetch(new URL(url), init),
    close: () => http.close(),
  };
}
