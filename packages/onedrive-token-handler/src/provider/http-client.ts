import type { Dispatcher } from 'undici';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
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

/** A NETWORK failure that says whether the provider can have seen the request. */
export class ConnectionError extends OneDriveTokenError {
  /** True if no connection was made: then the request may be repeated without harm. */
  readonly beforeConnection: boolean;

  constructor(url: URL, cause: unknown) {
    const code = codeOf(cause);
    const message = cause instanceof Error ? cause.message : 'unknown failure';
    // If a proxy refuses, its status is in undici's message alone.
    const reason = code === undefined || code === 'UND_ERR_ABORTED' ? message : code;
    super('NETWORK', `No answer from ${url.host} (${reason}). ${hintFor(code)}`, { cause: withoutProperties(cause) });
    this.beforeConnection = neverConnected(cause);
  }
}

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
      throw new ConnectionError(url, cause);
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
      throw new ConnectionError(url, error instanceof TypeError ? error.cause : error);
    }
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

/** The code of an error, of its cause, or of the first of several (one per address that was tried). */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return codeOf(error instanceof AggregateError ? error.errors[0] : error.cause);
}

/** Decides by the system call that failed: codes like EHOSTUNREACH also come from connections that were made long ago. */
function neverConnected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(neverConnected);
  if ('syscall' in error) return error.syscall === 'connect' || error.syscall === 'getaddrinfo';
  return ('code' in error && error.code === 'UND_ERR_CONNECT_TIMEOUT') || neverConnected(error.cause);
}

/** A copy without properties: undici's errors hold sockets and unread parts of a response, which may be tokens. */
function withoutProperties(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  const causes = error instanceof AggregateError ? error.errors : [error.cause];
  const [cause] = causes.map(withoutProperties).filter(Boolean);
  const copy = new Error(error.message, cause ? { cause } : {});
  copy.name = error.name;
  return Object.assign(copy, codeOf(error) && { code: codeOf(error) });
}

function hintFor(code: string | undefined): string {
  if (code && /CERT|SIGNATURE|ISSUER|ERR_TLS/.test(code)) {
    return "Its certificate is not trusted. If your proxy signs it, set NODE_EXTRA_CA_CERTS to its authority's PEM file.";
  }
  return 'Check the network, HTTPS_PROXY and NO_PROXY, then try again.';
}
