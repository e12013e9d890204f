import * as undici from 'undici';
import { OneDriveTokenError } from '../../one-drive-token-error.ts';
import { type FormPost, formHeaders, type HttpAnswer, type HttpTransport, readText } from '../http-transport.ts';

/** By undici: through the caller's dispatcher, or the proxies that the environment names. */
export class UndiciTransport implements HttpTransport {
  readonly #callersDispatcher: undici.Dispatcher | undefined;
  /** Created here, and not closed yet. */
  readonly #ownDispatchers = new Set<undici.Dispatcher>();
  /** Used by all calls of fetch(). */
  #fetchDispatcher: undici.Dispatcher | undefined;
  #closed = false;

  /** Throws CONFIGURATION in Bun: its own `undici` fails only after the provider has answered, when the token is spent. */
  constructor(dispatcher: undici.Dispatcher | undefined) {
    if (typeof undici.Dispatcher?.prototype.destroy !== 'function') {
      throw new OneDriveTokenError(
        'CONFIGURATION',
        'Bun replaces the package undici, which a proxy or the option dispatcher needs. Run this program in Node.js or Deno, or do without them.',
      );
    }
    this.#callersDispatcher = dispatcher;
  }

  async postForm({ url, body, signal }: FormPost): Promise<HttpAnswer> {
    // One for each request, because undici keeps waiting for a silent proxy even after the request was given up.
    const dispatcher = this.#callersDispatcher ?? this.#make();
    try {
      const response = await undici.request(url, {
        dispatcher,
        signal,
        method: 'POST',
        headers: formHeaders,
        body,
        // The caller's signal is the only deadline.
        headersTimeout: 0,
        bodyTimeout: 0,
        // `connection: close`
        reset: true,
      });
      return {
        status: response.statusCode,
        retryAfter: [response.headers['retry-after']].flat()[0],
        body: await readText(response.body),
      };
    } finally {
      if (this.#ownDispatchers.delete(dispatcher)) dispatcher.destroy().catch(() => {});
    }
  }

  /** undici's fetch, with connections that are kept. Throws what undici throws. */
  async fetch(url: URL, init: RequestInit): Promise<Response> {
    this.#fetchDispatcher ??= this.#callersDispatcher ?? this.#make();
    const options = { ...(init as unknown as undici.RequestInit), dispatcher: this.#fetchDispatcher };
    return (await undici.fetch(url, options)) as unknown as Response;
  }

  /** The caller's own dispatcher stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#ownDispatchers].map((dispatcher) => dispatcher.destroy()));
  }

  #make(): undici.Dispatcher {
    const dispatcher = proxyByEnvironment();
    this.#ownDispatchers.add(dispatcher);
    if (this.#closed) dispatcher.destroy().catch(() => {});
    return dispatcher;
  }
}

function proxyByEnvironment(): undici.Dispatcher {
  try {
    return new undici.EnvHttpProxyAgent();
  } catch {
    // The message has neither the value nor a cause that quotes it, because a proxy's address may hold a password.
    throw new OneDriveTokenError(
      'CONFIGURATION',
      'HTTPS_PROXY or HTTP_PROXY is not the address of a proxy: write it like http://proxy.example.com:8080.',
    );
  }
}
