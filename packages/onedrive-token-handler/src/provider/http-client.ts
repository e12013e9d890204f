import type { Dispatcher } from 'undici';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { ConnectionError, routeTo } from './connection-error.ts';
import { readRetryAfter } from './retry-after.ts';

/** The answer to a posted form. */
export interface HttpAnswer {
  readonly status: number;
  /** What `Retry-After` asks for, in milliseconds. */
  readonly retryAfter: number | undefined;
  /** undefined if it was longer than `maxBodyMebibytes`. */
  readonly body: string | undefined;
}

type Undici = typeof import('undici');

/** A token response has a few kilobytes. */
export const maxBodyMebibytes = 1;

/** The only way to the network: undici, loaded when it is first needed. */
export class HttpClient {
  readonly #callersDispatcher: Dispatcher | undefined;
  #undici: Promise<Undici> | undefined;
  /** Created here, and not closed yet. */
  readonly #ownDispatchers = new Set<Dispatcher>();
  /** Used by all calls of fetch(). */
  #fetchDispatcher: Dispatcher | undefined;
  #closed = false;

  constructor(dispatcher: Dispatcher | undefined) {
    this.#callersDispatcher = dispatcher;
  }

  /** Loads undici before it is needed. A failure shows when a request is sent. */
  prepare(): void {
    this.#load().catch(() => {});
  }

  /** Throws ConnectionError, or the signal's reason. Redirects are not followed. */
  async postForm(url: URL, form: URLSearchParams, signal: AbortSignal): Promise<HttpAnswer> {
    const undici = await this.#load();
    // One for each request, because undici keeps waiting for a silent proxy even after the request was given up.
    const dispatcher = this.#callersDispatcher ?? this.#make(undici);
    try {
      const { statusCode, headers, body } = await undici.request(url, {
        dispatcher,
        signal,
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body: form.toString(),
        // The caller's signal is the only deadline.
        headersTimeout: 0,
        bodyTimeout: 0,
        // A kept-alive connection that the server is about to close would lose a request that cannot be repeated.
        reset: true,
      });
      return {
        status: statusCode,
        retryAfter: readRetryAfter([headers['retry-after']].flat()[0]),
        body: await readText(body),
      };
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      throw await ConnectionError.from(url, cause, this.#sender);
    } finally {
      if (this.#ownDispatchers.delete(dispatcher)) dispatcher.destroy().catch(() => {});
    }
  }

  /**
   * undici's fetch, with connections that are kept. Throws ConnectionError, the signal's reason, or a TypeError for a
   * request that cannot be sent at all.
   */
  async fetch(url: URL, init: RequestInit): Promise<Response> {
    const undici = await this.#load();
    this.#fetchDispatcher ??= this.#callersDispatcher ?? this.#make(undici);
    const dispatcher = this.#fetchDispatcher;
    try {
      const options = { ...(init as unknown as import('undici').RequestInit), dispatcher };
      return (await undici.fetch(url, options)) as unknown as Response;
    } catch (error) {
      if (init.signal?.aborted) throw init.signal.reason;
      if (error instanceof TypeError && !error.cause) throw error;
      throw await ConnectionError.from(url, error instanceof TypeError ? error.cause : error, this.#sender);
    }
  }

  /** The host of a URL for a message, with the proxy if the requests go through one. */
  routeTo(url: URL): string {
    return routeTo(url, this.#sender);
  }

  get #sender(): { hasOwnDispatcher: boolean } {
    return { hasOwnDispatcher: this.#callersDispatcher !== undefined };
  }

  /** Closes its connections at once. The caller's own dispatcher stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#ownDispatchers].map((dispatcher) => dispatcher.destroy()));
  }

  #load(): Promise<Undici> {
    this.#undici ??= import('undici');
    return this.#undici;
  }

  #make(undici: Undici): Dispatcher {
    const dispatcher = proxyByEnvironment(undici);
    this.#ownDispatchers.add(dispatcher);
    if (this.#closed) dispatcher.destroy().catch(() => {});
    return dispatcher;
  }
}

function proxyByEnvironment(undici: Undici): Dispatcher {
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

async function readText(body: Dispatcher.ResponseData['body']): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBodyMebibytes * 1024 * 1024) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
