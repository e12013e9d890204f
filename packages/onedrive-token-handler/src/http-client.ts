import type { Dispatcher } from 'undici';
import { OneDriveTokenError } from './one-drive-token-error.ts';
import { readRetryAfter } from './retry-after.ts';

/** What came back for a posted form. */
export interface HttpAnswer {
  readonly status: number;
  /** What `Retry-After` asks for, in milliseconds. */
  readonly retryAfter: number | undefined;
  /** undefined where it was longer than a token response can be. */
  readonly body: string | undefined;
}

type Undici = typeof import('undici');

/** A token response is a few kilobytes. */
const longestBody = 1024 * 1024;

/** A NETWORK failure that knows whether the provider can have seen the request. */
export class ConnectionError extends OneDriveTokenError {
  /** True where no connection was made, so that the request may be repeated without harm. */
  readonly beforeConnection: boolean;

  constructor(url: URL, cause: unknown) {
    const code = codeOf(cause);
    const reason = code ?? (cause instanceof Error ? cause.message : 'unknown failure');
    super('NETWORK', `No answer from ${url.host} (${reason}). ${hintFor(code)}`, { cause: withoutProperties(cause) });
    this.beforeConnection = neverConnected(cause);
  }
}

/** The one way to the network: undici, loaded when it is first needed. */
export class HttpClient {
  readonly #given: Dispatcher | undefined;
  #loaded: Promise<{ undici: Undici; dispatcher: Dispatcher }> | undefined;

  constructor(dispatcher: Dispatcher | undefined) {
    this.#given = dispatcher;
  }

  /** Loads undici for somebody who will send something soon. What goes wrong is told then. */
  prepare(): void {
    this.#load().catch(() => {});
  }

  /** Throws ConnectionError, or the signal's reason. Redirects are not followed. */
  async postForm(url: URL, form: URLSearchParams, signal: AbortSignal): Promise<HttpAnswer> {
    const { undici, dispatcher } = await this.#load();
    try {
      const { statusCode, headers, body } = await undici.request(url, {
        dispatcher,
        signal,
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body: form.toString(),
        // The caller's signal is the one deadline.
        headersTimeout: 0,
        bodyTimeout: 0,
        // A kept-alive connection that the server is about to close would lose a request that must not be repeated.
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
    }
  }

  /**
   * undici's fetch through the same dispatcher. Throws ConnectionError, the signal's reason, or the TypeError of a request
   * that can't be sent at all.
   */
  async fetch(url: URL, init: RequestInit): Promise<Response> {
    const { undici, dispatcher } = await this.#load();
    try {
      const options = { ...(init as unknown as import('undici').RequestInit), dispatcher };
      return (await undici.fetch(url, options)) as unknown as Response;
    } catch (error) {
      if (init.signal?.aborted) throw init.signal.reason;
      if (error instanceof TypeError && !error.cause) throw error;
      throw new ConnectionError(url, error instanceof TypeError ? error.cause : error);
    }
  }

  /** Closes its connections at once; a dispatcher that was given stays open. */
  async close(): Promise<void> {
    if (this.#given) return;
    const loaded = await this.#loaded?.catch(() => undefined);
    await loaded?.dispatcher.destroy();
  }

  #load(): Promise<{ undici: Undici; dispatcher: Dispatcher }> {
    this.#loaded ??= import('undici').then((undici) => ({
      undici,
      dispatcher: this.#given ?? proxyByEnvironment(undici),
    }));
    return this.#loaded;
  }
}

function proxyByEnvironment(undici: Undici): Dispatcher {
  try {
    // HTTP/2 ignores `reset`: it would send the next request over a connection that has gone dead meanwhile.
    return new undici.EnvHttpProxyAgent({ allowH2: false });
  } catch {
    // Neither the value nor a cause that quotes it: a proxy's address may hold a password.
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
    if (length > longestBody) return undefined;
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

/** By the system call that failed: EHOSTUNREACH and the like also come from connections that were made long ago. */
function neverConnected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(neverConnected);
  if ('syscall' in error) return error.syscall === 'connect' || error.syscall === 'getaddrinfo';
  return ('code' in error && error.code === 'UND_ERR_CONNECT_TIMEOUT') || neverConnected(error.cause);
}

/** The error's words alone: undici hangs sockets and unread parts of a response on its errors, tokens among them. */
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
    return 'Its certificate is not trusted: where a proxy of yours signs it, name that authority in NODE_EXTRA_CA_CERTS.';
  }
  return 'Check the network, HTTPS_PROXY and NO_PROXY, then try again.';
}
