import { setTimeout as sleep } from 'node:timers/promises';
import { GraphClientError } from '../graph-client-error.ts';
import { discardBody, exchange, sources, untilAborted } from './exchange.ts';
import { GraphError, readRetryAfter } from './graph-error.ts';
import { type GraphRequest, isRepeatable, redirectRequest } from './graph-request.ts';

// This folder sends single requests. It knows nothing of pages and files.

const maxAttempts = 5;
const redirectStatuses = [301, 302, 303, 307, 308];
const maxRedirects = 10;
/** If Graph asks for a longer wait, its response is returned, so that the caller can decide. */
const maxWaitMs = 300_000;

/** The client waits before it tries again. */
export interface GraphWait {
  /** Why, for a person: `Graph is busy (HTTP 429)`. */
  readonly reason: string;
  /** Milliseconds. */
  readonly delay: number;
  /** How many attempts have failed in a row; at least 1. */
  readonly attempt: number;
}

/** What {@link RequestSender} needs: the options of the client, checked and with their defaults. */
export interface SenderOptions {
  readonly root: URL;
  readonly getToken: (options: { forceRefresh: boolean; signal?: AbortSignal }) => string | Promise<string>;
  readonly fetch: (url: URL, init: RequestInit) => Promise<Response>;
  readonly onWait: ((wait: GraphWait) => void) | undefined;
  readonly idleTimeout: number;
}

/** Sends requests with the token: waits if Graph asks for it, refreshes once after a 401, follows redirects. */
export class RequestSender {
  readonly options: SenderOptions;

  constructor(options: SenderOptions) {
    this.options = options;
  }

  /** The response, whatever its status is. */
  async send(request: GraphRequest): Promise<Response> {
    let next = request;
    const refresh = { isDone: false };
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const response = await this.#sendUntilAnswered(next, refresh);
      const { status, headers } = response;
      const location = headers.get('location');
      const isRedirect = redirectStatuses.includes(status) && location !== null;
      if (!isRedirect || request.init?.redirect === 'manual') return response;
      discardBody(response);
      next = redirectRequest(next, status, location);
    }
    const { host } = request.url;
    throw new GraphClientError('RESPONSE', `the request to ${host} was redirected more than ${maxRedirects} times`);
  }

  /** As `send`. Throws GraphError if the status is not a success. */
  async sendSuccessfully(request: GraphRequest): Promise<Response> {
    const response = await this.send(request);
    if (!response.ok) throw await GraphError.from(response, request.signal);
    return response;
  }

  /** Waits as long as Graph asked for, else for about 1 s, 2 s, 4 s, … as attempts fail. */
  async wait(cause: Omit<GraphWait, 'delay'>, signal: AbortSignal, asked?: number): Promise<void> {
    const delay = asked ?? 1000 * 2 ** (cause.attempt - 1) * (0.5 + Math.random() / 2);
    this.options.onWait?.({ ...cause, delay });
    await sleep(delay, undefined, { signal }).catch(() => signal.throwIfAborted());
  }

  /** `refresh`: whether the token has been refreshed for this call, which may be redirected. */
  async #sendUntilAnswered(request: GraphRequest, refresh: { isDone: boolean }): Promise<Response> {
    const { url, method, signal } = request;
    const usesToken = request.withToken && url.origin === this.options.root.origin;
    let token = usesToken ? await this.#getToken(false, signal) : undefined;
    for (let attempt = 1; ; ) {
      const response = await this.#sendOnce(request, token);
      const { status, headers } = response;
      if (!isRepeatable(request)) return response;
      if (status === 401 && usesToken && !refresh.isDone) {
        discardBody(response);
        token = await this.#getToken(true, signal);
        refresh.isDone = true;
        continue;
      }
      const asked = readRetryAfter(headers);
      const isLast = attempt === maxAttempts || (asked ?? 0) > maxWaitMs;
      if (isLast || !isWorthRepeating(method, status)) return response;
      discardBody(response);
      await this.wait({ attempt, reason: `Graph is busy (HTTP ${status})` }, signal, asked);
      attempt++;
    }
  }

  async #sendOnce(request: GraphRequest, token: string | undefined): Promise<Response> {
    const { url, method, body, signal, init, answerTimeout } = request;
    const { fetch, idleTimeout } = this.options;
    const { host } = url;
    const headers = new Headers(request.headers);
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    const sent = { ...init, method, headers, body: body ?? null, redirect: 'manual' } as const;
    try {
      const response = await exchange({ host, timeout: answerTimeout ?? idleTimeout, signal }, (stop) =>
        fetch(url, { ...sent, signal: AbortSignal.any([signal, stop]) }),
      );
      // Without the token, the address may be a secret itself.
      const path = token === undefined ? '' : url.pathname;
      sources.set(response, { host, path, hadToken: token !== undefined, idleTimeout });
      return response;
    } catch (error) {
      signal.throwIfAborted();
      // fetch throws a TypeError without a cause if the request itself is wrong, for example its method.
      const { cause } = error as Error;
      throw Object(cause).name === 'TypeError' && Object(cause).cause === undefined ? cause : error;
    }
  }

  async #getToken(forceRefresh: boolean, signal: AbortSignal): Promise<string> {
    const token: unknown = await untilAborted(signal, () => this.options.getToken({ forceRefresh, signal }));
    if (typeof token !== 'string') throw new TypeError(`getToken: expected a string, got ${typeof token}`);
    // Node's own message about such a header would quote the token.
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new TypeError(
        'getToken: the token is empty, or has a character that no token can have, such as a space or a line break',
      );
    }
    return token;
  }
}

/** After 429 and 503, Graph has done nothing. After 502 and 504, the request may have had its effect, so only GET and HEAD are repeated. */
function isWorthRepeating(method: string, status: number): boolean {
  return status === 429 || status === 503 || ((status === 502 || status === 504) && /^(GET|HEAD)$/.test(method));
}

/** Whether a new connection may help: this one broke, or one of `getToken`, whose error then has `retryable: true`. */
export function isBreak(error: unknown): error is Error {
  if (error instanceof GraphClientError) return error.code === 'CONNECTION' && error.retryable;
  return !(error instanceof GraphError) && Object(error).retryable === true;
}
