import type { Dispatcher } from 'undici';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { ConnectionError, routeTo } from './connection-error.ts';
import type { HttpTransport } from './http-transport.ts';
import { loadNodeModules, NodeTransport } from './node-transport.ts';
import { readRetryAfter } from './retry-after.ts';
import type { UndiciTransport } from './undici/undici-transport.ts';

/** The answer to a posted form. */
export interface HttpAnswer {
  readonly status: number;
  /** What `Retry-After` asks for, in milliseconds. */
  readonly retryAfter: number | undefined;
  /** undefined if it was longer than `maxBodyMebibytes`. */
  readonly body: string | undefined;
}

/**
 * The only way to the network. A form is posted by Node's own client, because undici takes longer to load than a whole
 * refresh. By undici if there is a dispatcher or a proxy, and if fetch() has loaded it anyway.
 */
export class HttpClient {
  readonly #callersDispatcher: Dispatcher | undefined;
  readonly #node = new NodeTransport();
  #undici: Promise<UndiciTransport> | undefined;
  #closed = false;

  constructor(dispatcher: Dispatcher | undefined) {
    this.#callersDispatcher = dispatcher;
  }

  /** Loads what postForm() needs. A failure shows when a request is sent. */
  prepare(protocol: string): void {
    if (this.#needsUndici()) this.#loadUndici().catch(() => {});
    else loadNodeModules(protocol);
  }

  /** Throws ConnectionError, or the signal's reason. Redirects are not followed. */
  async postForm(url: URL, form: URLSearchParams, signal: AbortSignal): Promise<HttpAnswer> {
    const transport: HttpTransport = this.#needsUndici() ? await this.#loadUndici() : this.#node;
    try {
      const { retryAfter, ...answer } = await transport.postForm({ url, body: form.toString(), signal });
      return { ...answer, retryAfter: readRetryAfter(retryAfter) };
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      throw cause instanceof OneDriveTokenError ? cause : await ConnectionError.from(url, cause, this.#sender);
    }
  }

  /**
   * undici's fetch, with connections that are kept. Throws ConnectionError, the signal's reason, or a TypeError for a
   * request that cannot be sent at all.
   */
  async fetch(url: URL, init: RequestInit): Promise<Response> {
    const undici = await this.#loadUndici();
    try {
      return await undici.fetch(url, init);
    } catch (error) {
      if (init.signal?.aborted) throw init.signal.reason;
      if (error instanceof OneDriveTokenError || (error instanceof TypeError && !error.cause)) throw error;
      throw await ConnectionError.from(url, error instanceof TypeError ? error.cause : error, this.#sender);
    }
  }

  /** The host of a URL for a message, with the proxy if the requests go through one. */
  routeTo(url: URL): string {
    return routeTo(url, this.#sender);
  }

  /** Closes its connections at once. The caller's own dispatcher stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#node.close();
    await (await this.#undici?.catch(() => undefined))?.close();
  }

  get #sender(): { hasOwnDispatcher: boolean } {
    return { hasOwnDispatcher: this.#callersDispatcher !== undefined };
  }

  #needsUndici(): boolean {
    return this.#callersDispatcher !== undefined || this.#undici !== undefined || hasProxy(process.env);
  }

  #loadUndici(): Promise<UndiciTransport> {
    this.#undici ??= this.#importUndici();
    return this.#undici;
  }

  async #importUndici(): Promise<UndiciTransport> {
    const { UndiciTransport } = await import('./undici/undici-transport.ts');
    const undici = new UndiciTransport(this.#callersDispatcher);
    if (this.#closed) await undici.close();
    return undici;
  }
}

/** Whether undici's EnvHttpProxyAgent may use a proxy. It decides for which hosts. */
function hasProxy(env: NodeJS.ProcessEnv): boolean {
  return Boolean((env.http_proxy ?? env.HTTP_PROXY) || (env.https_proxy ?? env.HTTPS_PROXY));
}
