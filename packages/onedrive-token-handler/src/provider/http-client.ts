import type { Dispatcher } from 'undici';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { ConnectionError } from './connection-error.ts';
import { type HttpAnswer, postForm } from './post-form.ts';
import { type NamedProxy, proxyOf } from './proxy-of.ts';

/** `fetch` for calls to Microsoft Graph that need no sign-in of this program, and `close`, which ends it. */
export type Fetcher = Pick<HttpClient, 'fetch' | 'close'>;

/** As `fetch` of a handler, for a program that has its token from elsewhere. Opens and loads nothing yet. */
export function createFetcher(): Fetcher {
  return new HttpClient();
}

/** The only way to the network. undici is loaded if there is a dispatcher or a proxy, and for fetch(). */
export class HttpClient {
  readonly #dispatcher: Dispatcher | undefined;
  readonly #closing = new AbortController();
  /** The dispatchers of fetch(), which keep connections. The second one is patient. */
  readonly #fetching: Dispatcher[] = [];
  /** Whether fetch() could not make a connection. From then on, it has the patience of the repetition in `Provider.post`. */
  #isPatient = false;

  constructor(dispatcher?: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  /** Throws NETWORK, or the signal's reason. Redirects are not followed. `timeout`: milliseconds. */
  async postForm(
    url: URL,
    form: URLSearchParams,
    { timeout, signal, isPatient }: { timeout: number; signal?: AbortSignal | undefined; isPatient?: boolean },
  ): Promise<HttpAnswer> {
    const deadline = AbortSignal.timeout(Math.ceil(timeout));
    const post = { url, body: form.toString(), signal: this.#anyOf(deadline, signal), isPatient };
    try {
      const mayUseProxy = Object.keys(process.env).some((name) => /^https?_proxy$/i.test(name));
      const usesUndici = this.#dispatcher !== undefined || mayUseProxy;
      return await (usesUndici ? (await loadUndici()).postForm(post, this.#dispatcher) : postForm(post));
    } catch (cause) {
      signal?.throwIfAborted();
      throw deadline.aborted ? this.late(url, timeout) : this.#explain(url, cause);
    }
  }

  /** The error if no answer came within `timeout` milliseconds. */
  late(url: URL, timeout: number): ConnectionError {
    return ConnectionError.late(url, timeout, this.#proxyOf(url));
  }

  /**
   * undici's `fetch`, through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name. It adds no token, and keeps connections.
   * Throws NETWORK, which says what to do, the signal's reason, or a TypeError for a request that cannot be sent at all.
   */
  async fetch(address: string | URL, init: RequestInit = {}): Promise<Response> {
    const url = new URL(address);
    const isPatient = this.#isPatient;
    try {
      return await this.#fetch(url, init, isPatient);
    } catch (error) {
      const isUnsent = error instanceof ConnectionError && error.beforeConnection;
      if (!isUnsent || isPatient || this.#dispatcher) throw error;
      this.#isPatient = true;
      const { body, method = 'GET', redirect = 'follow' } = init;
      // A stream can be read only once. And if a redirect was followed, the request was sent: only the next host was not reached.
      const isSpent = Symbol.asyncIterator in Object(body) || (redirect === 'follow' && !/^(GET|HEAD)$/i.test(method));
      if (isSpent) throw error;
      return this.#fetch(url, init, true);
    }
  }

  async #fetch(url: URL, init: RequestInit, isPatient: boolean): Promise<Response> {
    const undici = await loadUndici();
    try {
      const own = (): Dispatcher => (this.#fetching[Number(isPatient)] ??= undici.proxyByEnvironment(isPatient));
      return await undici.fetch(url, { ...init, signal: this.#anyOf(init.signal) }, this.#dispatcher ?? own());
    } catch (error) {
      init.signal?.throwIfAborted();
      const { name, cause } = Object(error) as Error;
      if (name === 'TypeError' && !cause) throw error;
      throw this.#explain(url, cause ?? error);
    }
  }

  /** Ends every request at once, with this reason. The caller's own dispatcher stays open. */
  async close(reason = new Error('the client was closed')): Promise<void> {
    this.#closing.abort(reason);
    await Promise.all(this.#fetching.map((dispatcher) => dispatcher.destroy()));
  }

  #anyOf(...signals: readonly (AbortSignal | null | undefined)[]): AbortSignal {
    return AbortSignal.any([this.#closing.signal, ...signals.filter((signal) => signal != null)]);
  }

  #explain(url: URL, error: unknown): unknown {
    const { aborted, reason } = this.#closing.signal;
    const cause = aborted ? reason : error;
    return cause instanceof OneDriveTokenError ? cause : ConnectionError.from(url, cause, this.#proxyOf(url));
  }

  /** A caller's dispatcher replaces the proxies of the environment. */
  #proxyOf(url: URL): NamedProxy | undefined {
    return this.#dispatcher ? undefined : proxyOf(url);
  }
}

async function loadUndici(): Promise<typeof import('./undici-client.ts')> {
  const client = await import('./undici-client.ts');
  client.assertUsable();
  return client;
}
