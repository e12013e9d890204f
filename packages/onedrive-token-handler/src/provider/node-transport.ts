import type { ClientRequest, IncomingMessage } from 'node:http';
import { type FormPost, formHeaders, type HttpAnswer, type HttpTransport, readText } from './http-transport.ts';

/** As in undici: a name, a TCP connection and a TLS handshake together. */
const defaultConnectTimeoutMs = 10_000;

/** By node:https or node:http, which load in a tenth of the time that undici takes. Without proxies. */
export class NodeTransport implements HttpTransport {
  readonly #requests = new Set<ClientRequest>();
  readonly #connectTimeoutMs: number;
  #closed = false;

  constructor(connectTimeoutMs: number = defaultConnectTimeoutMs) {
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  async postForm(post: FormPost): Promise<HttpAnswer> {
    if (this.#closed) throw new Error('the client was closed');
    const request = start(post);
    this.#requests.add(request);
    try {
      const response = await untilAnswered(request, post, this.#connectTimeoutMs);
      return {
        status: response.statusCode ?? 0,
        retryAfter: response.headers['retry-after'],
        body: await readText(response),
      };
    } finally {
      this.#requests.delete(request);
      request.destroy();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const request of this.#requests) request.destroy(new Error('the client was closed'));
  }
}

/** Loads what a request needs: an import would also load what it does not. */
export function loadNodeModules(protocol: string): typeof import('node:http') | typeof import('node:https') {
  return process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
}

function start({ url, body }: FormPost): ClientRequest {
  const headers = { ...formHeaders, 'content-length': Buffer.byteLength(body) };
  // `agent: false` is a connection of its own, and `connection: close`.
  const request = loadNodeModules(url.protocol).request(url, { method: 'POST', headers, agent: false });
  request.end(body);
  return request;
}

/** Resolves with the head of the response. The signal ends the response's body as well. */
async function untilAnswered(
  request: ClientRequest,
  { url, signal }: FormPost,
  connectTimeoutMs: number,
): Promise<IncomingMessage> {
  const abort = (): void => void request.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  const connectTimer = setTimeout(() => request.destroy(connectTimeout(connectTimeoutMs)), connectTimeoutMs);
  request.once('socket', (socket) => {
    socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connectTimer));
  });
  request.once('close', () => {
    clearTimeout(connectTimer);
    signal.removeEventListener('abort', abort);
  });
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', reject);
    // Without an error: an answer that changes the protocol, for example.
    request.once('close', () => reject(new Error('the connection was closed without an answer')));
  });
}

function connectTimeout(milliseconds: number): Error {
  const message = `no connection within ${milliseconds / 1000} s`;
  return Object.assign(new Error(message), { code: 'ETIMEDOUT', syscall: 'connect' });
}
