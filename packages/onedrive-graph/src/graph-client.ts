import type { DriveItem } from './drive-item.ts';
import { parseGraphRoot, resolveGraphUrl, unencoded } from './graph-address.ts';
import { GraphClientError } from './graph-client-error.ts';
import { defaultIdleTimeoutMs, maxTimeoutMs } from './request/exchange.ts';
import { GraphError, readJson } from './request/graph-error.ts';
import type { GraphRequest } from './request/graph-request.ts';
import { type GraphWait, RequestSender } from './request/request-sender.ts';
import { download } from './transfer/download.ts';
import type { TransferOptions, UploadOptions } from './transfer/transfer-options.ts';
import { type Uploaded, upload } from './transfer/upload.ts';

/** What a client needs. */
export interface GraphClientOptions {
  /**
   * Called before every request, so it should answer from memory while the token is valid. `forceRefresh` is true after a
   * 401: then a new token is needed. An error of `getToken` ends the call, unchanged.
   */
  getToken: (options: { forceRefresh: boolean; signal?: AbortSignal }) => string | Promise<string>;
  /** Sends the requests, for example through a proxy. It must obey `init.redirect`, 'manual'. Default: `globalThis.fetch`. */
  fetch?: ((url: URL, init: RequestInit) => Promise<Response>) | undefined;
  /** Default: `https://graph.microsoft.com/v1.0`. https, or plain http on a loopback host. The token goes to its origin only. */
  root?: string | URL | undefined;
  /** Ends every call, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * How long a host may send nothing before the attempt is given up, in milliseconds: no connection, no first byte, no
   * further byte. Then a transfer continues with a new connection, and any other call ends in CONNECTION. The answer to the
   * last piece of an upload may take four times as long, because Graph assembles the file. Default 30,000.
   */
  idleTimeout?: number | undefined;
  /** Called before each wait: Graph asked for it, or a transfer was interrupted. An error of `onWait` ends the call. */
  onWait?: ((wait: GraphWait) => void) | undefined;
}

/**
 * Calls Microsoft Graph with a token that you give.
 *
 * Every method takes a path below the root, `/me/drive`, or an absolute URL on the root's origin; anything else is a
 * {@link GraphAddressError}, and nothing is sent. After 429 and 503, for GET and HEAD also after 502 and 504, the client waits as
 * `Retry-After` asks and retries: at most 5 attempts, each wait at most 5 minutes. After a 401 the token is refreshed once. Redirects
 * are followed, to another host without the token and without headers that identify the caller.
 *
 * After an abort, a call rejects with the signal's reason; without a complete answer, with {@link GraphClientError}.
 */
export class GraphClient {
  readonly #sender: RequestSender;
  readonly #signal: AbortSignal | undefined;

  /** @throws {TypeError} that names an option that cannot be used; {@link GraphAddressError} for `root` */
  constructor(options: GraphClientOptions) {
    const { getToken, root = 'https://graph.microsoft.com/v1.0', signal, onWait } = options;
    const { fetch = (url, init) => globalThis.fetch(url, init), idleTimeout = defaultIdleTimeoutMs } = options;
    for (const [name, value] of Object.entries({ getToken, fetch, onWait })) {
      if (typeof value === 'function' || (value === undefined && name !== 'getToken')) continue;
      throw new TypeError(`${name}: expected a function, got ${typeof value}`);
    }
    if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
      throw new TypeError(`signal: expected an AbortSignal, got ${typeof signal}`);
    }
    if (typeof idleTimeout !== 'number' || !(idleTimeout > 0 && idleTimeout <= maxTimeoutMs)) {
      const expected = `expected milliseconds, above 0 and at most ${maxTimeoutMs}`;
      throw new RangeError(`idleTimeout: ${expected}, got ${idleTimeout}`);
    }
    this.#signal = signal;
    this.#sender = new RequestSender({ root: parseGraphRoot(root), getToken, fetch, onWait, idleTimeout });
  }

  /**
   * The response, whatever its status is: `GraphError.from` turns a response that is not `ok` into an error, `readBody` reads
   * its body. `init` is that of `fetch`. A body that is a stream is sent only once, so a 401 or 429 is returned at once.
   */
  async request(path: string | URL, init: RequestInit = {}): Promise<Response> {
    return this.#sender.send(this.#describe(path, init));
  }

  /**
   * The parsed JSON of Graph's answer; undefined if the answer is empty, as with 204, or with 200 after an action. A body that is a
   * string is sent as JSON if `init.headers` names no other type.
   *
   * @throws {GraphError} if the status is not a success; notGraph if the answer is not JSON, or is an empty 200 to a GET
   */
  async json<T = unknown>(path: string | URL, init: RequestInit = {}): Promise<T> {
    const request = this.#describe(path, init);
    if (!request.headers.has('accept')) request.headers.set('accept', 'application/json');
    if (typeof request.body === 'string' && !request.headers.has('content-type')) {
      request.headers.set('content-type', 'application/json');
    }
    const response = await this.#sender.sendSuccessfully(request);
    const answer = await readJson(response, request.signal);
    if (answer === undefined && response.status === 200 && request.method === 'GET')
      throw GraphError.notGraph(response, 'empty');
    return answer as T;
  }

  /**
   * The items of a collection, of all its pages. A page is requested when all items before it have been read.
   *
   * @throws {GraphError} if the status is not a success
   * @throws {GraphClientError} RESPONSE if the answer is not a collection, or its next page is not new or not on the root's origin
   */
  async *pages<T = unknown>(path: string | URL, init: RequestInit = {}): AsyncGenerator<T, void> {
    const first = this.#describe(path, init);
    const seen = new Set<string>();
    for (let url: URL | undefined = first.url; url; ) {
      if (seen.has(url.href)) throw new GraphClientError('RESPONSE', 'Graph gave the same @odata.nextLink twice');
      seen.add(url.href);
      const page = await this.#sender.sendSuccessfully({ ...first, url });
      const { value, '@odata.nextLink': next } = Object(await readJson(page, first.signal));
      if (!Array.isArray(value)) {
        throw new GraphClientError('RESPONSE', 'the answer is not a collection: it has no "value" array');
      }
      yield* value;
      try {
        url = next ? resolveGraphUrl(this.#sender.options.root, new URL(String(next), url)) : undefined;
      } catch (cause) {
        throw new GraphClientError('RESPONSE', `@odata.nextLink: ${(cause as Error).message}`, { cause });
      }
    }
  }

  /**
   * Saves Graph's answer as `file`, for example the content of `/me/drive/root:/notes.txt:/content`. `file` is always complete,
   * or as it was before. A symbolic link is followed; a device, a pipe or `/dev/stdout` is written to directly.
   * A file that is itself a mount, as in a container, cannot be replaced: the complete content is written over it.
   * After a broken connection the rest is requested, if Graph gave the file a strong ETag. On Linux, a later call can then do
   * the same: an abort, a kill or a connection that stays broken leaves a file `….part` beside `file` for it.
   *
   * @throws {GraphError} if the status is not a success
   * @throws {GraphClientError} CONNECTION, CHANGED, RESPONSE or FILE
   */
  async download(path: string | URL, file: string, options: TransferOptions = {}): Promise<{ bytes: number }> {
    const { signal = null, headers = {}, onProgress } = options;
    const request = this.#describe(path, { signal, headers });
    return { bytes: await download(this.#sender, request, file, onProgress) };
  }

  /**
   * Uploads a file as the item at `path`, `/me/drive/root:/notes.txt` or `/me/drive/items/ID`, in pieces of 10 MiB. An item of
   * that name is replaced. The upload continues after a broken connection. With `sessions`, it continues in a later call or
   * process as well, if the file has the same size and time of modification.
   *
   * @returns the item, as Graph describes it
   * @throws {GraphError} if the status is not a success
   * @throws {GraphClientError} CONNECTION, INCOMPLETE, FILE, NOT_A_FILE or RESPONSE
   */
  async upload(path: string | URL, file: string, options: UploadOptions = {}): Promise<DriveItem> {
    return (await this.#upload(path, file, options)).item;
  }

  /** Like {@link upload}, but returns Graph's last answer as it came: its status, its headers, its body. */
  async requestUpload(path: string | URL, file: string, options: UploadOptions = {}): Promise<Response> {
    return (await this.#upload(path, file, options)).response;
  }

  async #upload(path: string | URL, file: string, options: UploadOptions): Promise<Uploaded> {
    const { signal = null, headers = {} } = options;
    const item = this.#describe(path, { signal, headers });
    if (item.url.search !== '') throw unencoded(path, '?');
    return await upload(this.#sender, item, file, options);
  }

  #describe(path: string | URL, { method = 'GET', headers, body, signal, ...init }: RequestInit): GraphRequest {
    const signals = [this.#signal, signal].filter((given) => given !== undefined && given !== null);
    for (const given of signals) given.throwIfAborted();
    return {
      url: resolveGraphUrl(this.#sender.options.root, path),
      method: method.toUpperCase(),
      headers: new Headers(headers),
      body,
      withToken: true,
      signal: AbortSignal.any(signals),
      init,
    };
  }
}
