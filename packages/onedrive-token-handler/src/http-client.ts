import type { Dispatcher } from 'undici';
import { OneDriveTokenError } from './one-drive-token-error.ts';

/** What came back for a posted form. */
export interface HttpAnswer {
  readonly status: number;
  /** What `Retry-After` asks for, in milliseconds (RFC 9110 section 10.2.3). */
  readonly retryAfter: number | undefined;
  /** undefined where it was longer than a token response can be. */
  readonly body: string | undefined;
}

type Undici = typeof import('undici');

/** A token response is a few kilobytes. */
const longestBody = 1024 * 1024;

/** Nothing of a request leaves the machine before these are over, so the request may be repeated without harm. */
const beforeConnection = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** A NETWORK failure that knows whether the provider can have seen the request. */
export class ConnectionError extends OneDriveTokenError {
  readonly beforeConnection: boolean;

  constructor(url: URL, cause: unknown) {
    const code = codeOf(cause);
    const reason = code ?? (cause instanceof Error ? cause.message : 'unknown failure');
    super('NETWORK', `No answer from ${url.host} (${reason}). ${hintFor(code)}`, { cause });
    this.beforeConnection = code !== undefined && (beforeConnection.has(code) || syscallOf(cause) === 'connect');
  }
}

/** The one way to the network: undici, loaded when it is first needed. */
export class HttpClient {
  readonly #given: Dispatcher | undefined;
  #loaded: Promise<{ undici: Undici; dispatcher: Dispatcher }> | undefined;

  constructor(dispatcher: Dispatcher | undefined) {
    this.#given = dispatcher;
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
        retryAfter: readRetryAfter(headers['retry-after']),
        body: await readText(body),
      };
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      throw new ConnectionError(url, cause);
    }
  }

  /** undici's fetch through the same dispatcher. Throws ConnectionError, or the signal's reason. */
  async fetch(url: URL, init: RequestInit): Promise<Response> {
    const { undici, dispatcher } = await this.#load();
    try {
      const options = { ...(init as unknown as import('undici').RequestInit), dispatcher };
      return (await undici.fetch(url, options)) as unknown as Response;
    } catch (error) {
      if (init.signal?.aborted) throw init.signal.reason;
      throw new ConnectionError(url, error instanceof TypeError && error.cause ? error.cause : error);
    }
  }

  /** Closes its connections at once; a dispatcher that was given stays open. */
  async close(): Promise<void> {
    if (this.#given) return;
    await (await this.#loaded)?.dispatcher.destroy();
  }

  #load(): Promise<{ undici: Undici; dispatcher: Dispatcher }> {
    this.#loaded ??= import('undici').then((undici) => ({
      undici,
      dispatcher: this.#given ?? new undici.EnvHttpProxyAgent(),
    }));
    return this.#loaded;
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

function readRetryAfter(header: string | string[] | undefined): number | undefined {
  const value = Array.isArray(header) ? header[0] : header;
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const instant = Date.parse(value);
  return Number.isNaN(instant) ? undefined : Math.max(0, instant - Date.now());
}

/** The code of an error, of its cause, or of the first of several (one per address that was tried). */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return codeOf(error instanceof AggregateError ? error.errors[0] : error.cause);
}

function syscallOf(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error ? String(error.syscall) : undefined;
}

function hintFor(code: string | undefined): string {
  if (code && /CERT|SIGNATURE|ISSUER|ERR_TLS/.test(code)) {
    return 'Its certificate is not trusted: where a proxy of yours signs it, name that authority in NODE_EXTRA_CA_CERTS.';
  }
  return 'Check the network, HTTPS_PROXY and NO_PROXY, then try again.';
}
