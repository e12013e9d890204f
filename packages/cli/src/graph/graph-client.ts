import { setTimeout as sleep } from 'node:timers/promises';
import { type OneDriveTokenHandler, readRetryAfter } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { Failure } from '../failure.ts';
import { isPrivate } from './graph-address.ts';
import { graphFailure } from './graph-failure.ts';

const attempts = 5;
const mostRedirects = 10;
/** Milliseconds. A longer wait than this is left to the caller, who may have better things to do. */
const longestWait = 300_000;
/** What a request to another host than Graph keeps: nothing that says who asks. */
const impersonal = ['accept', 'accept-encoding', 'range', 'if-range', 'user-agent'];

export interface GraphRequest {
  method: string;
  url: URL;
  headers?: Headers;
  /** Default true; false for an address that is a secret of its own, wherever it leads. */
  withToken?: boolean;
  /** Whole in memory, so that it can be sent again. */
  body?: Uint8Array<ArrayBuffer>;
}

/** Calls Microsoft Graph with the token: waits where it asks to, refreshes once where it says 401, follows redirects. */
export class GraphClient {
  readonly #command: Command;
  readonly #handler: OneDriveTokenHandler;
  readonly root: URL;
  #token: string | undefined;

  constructor(command: Command, handler: OneDriveTokenHandler, root: URL) {
    this.#command = command;
    this.#handler = handler;
    this.root = root;
  }

  /** The response, whatever its status is. */
  async send(request: GraphRequest): Promise<Response> {
    let next = request;
    for (let hops = 0; hops <= mostRedirects; hops++) {
      const response = await this.#sendPatiently(next);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status > 399 || response.status === 304 || !location) return response;
      await response.body?.cancel();
      next = redirected(next, response.status, new URL(location, next.url));
    }
    throw new Failure(`${request.url.pathname} is redirected more than ${mostRedirects} times`);
  }

  /** As `send`. Throws Failure where the status is no success. */
  async sendSuccessfully(request: GraphRequest): Promise<Response> {
    const response = await this.send(request);
    if (!response.ok) throw await graphFailure(response);
    return response;
  }

  /** Waits before attempt `n` + 1; for programs with --verbose and people, says why. */
  async wait(n: number, reason: string, asked?: number): Promise<void> {
    const { screen, interrupt, settings } = this.#command;
    const delay = asked ?? 1000 * 2 ** (n - 1) * (0.5 + Math.random() / 2);
    const until = Date.now() + delay;
    if (settings.verbose) screen.say(`${reason}; next attempt in ${Math.ceil(delay / 1000)} s`);
    screen.spin(() => `${reason}; next attempt in ${Math.ceil((until - Date.now()) / 1000)} s`);
    const { signal } = interrupt;
    await sleep(delay, undefined, { signal }).catch((error) => {
      throw signal.aborted ? signal.reason : error;
    });
    screen.clear();
  }

  throwIfInterrupted(): void {
    this.#command.interrupt.signal.throwIfAborted();
  }

  async #sendPatiently(request: GraphRequest): Promise<Response> {
    const withToken = request.withToken !== false && request.url.origin === this.root.origin;
    let refreshed = false;
    for (let n = 1; ; n++) {
      const response = await this.#sendOnce(request, withToken);
      if (response.status === 401 && withToken && !refreshed) {
        refreshed = true;
        n--;
        await response.body?.cancel();
        const { signal } = this.#command.interrupt;
        this.#token = await this.#handler.getToken({ forceRefresh: true, signal });
        continue;
      }
      const asked = readRetryAfter(response.headers.get('retry-after'));
      if (!isWorthRepeating(request.method, response.status) || n === attempts || (asked ?? 0) > longestWait)
        return response;
      await response.body?.cancel();
      await this.wait(n, `Graph is busy (HTTP ${response.status})`, asked);
    }
  }

  async #sendOnce({ method, url, headers, body }: GraphRequest, withToken: boolean): Promise<Response> {
    const { signal } = this.#command.interrupt;
    const sent = new Headers(headers);
    if (withToken) {
      this.#token ??= await this.#handler.getToken({ signal });
      sent.set('authorization', `Bearer ${this.#token}`);
    }
    return await this.#handler.fetch(url, { method, headers: sent, body: body ?? null, redirect: 'manual', signal });
  }
}

/** 429 and 503 were not done at all; what merely may have been done is repeated only where twice is as good as once. */
function isWorthRepeating(method: string, status: number): boolean {
  return status === 429 || status === 503 || ((status === 502 || status === 504) && /^(GET|HEAD)$/.test(method));
}

function redirected(from: GraphRequest, status: number, url: URL): GraphRequest {
  const becomesGet = status === 303 || (status < 303 && from.method === 'POST');
  const method = becomesGet && from.method !== 'HEAD' ? 'GET' : from.method;
  if (!isPrivate(url)) throw new Failure(`not following a redirect to ${url.protocol}//${url.host}: it is not https`);
  if (url.origin === from.url.origin) {
    return {
      method,
      url,
      ...(from.headers && { headers: from.headers }),
      ...(from.body && !becomesGet && { body: from.body }),
    };
  }
  if (method !== 'GET' && method !== 'HEAD')
    throw new Failure(`not following a redirect of ${method} to another host, ${url.origin}`, exitStatus.failed);
  const kept = [...(from.headers ?? [])].filter(([name]) => impersonal.includes(name));
  return { method, url, headers: new Headers(kept) };
}
