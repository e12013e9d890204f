import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server at the redirect URI of an app. It keeps the answer. */
export interface Loopback extends AsyncDisposable {
  readonly redirectUri: string;
  /** The parameters of the answer, from the query or the form. Rejects after 20 s. */
  answer(): Promise<{ method: string; params: URLSearchParams; headers: http.IncomingHttpHeaders }>;
}

export async function openLoopback(): Promise<Loopback> {
  const received = new EventEmitter();
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname !== '/') return response.writeHead(404).end();
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const params = request.method === 'POST' ? new URLSearchParams(body) : url.searchParams;
    received.emit('answer', { method: request.method ?? '', params, headers: request.headers });
    response.setHeader('content-type', 'text/html').end('<title>App</title><p>You can close this window.</p>');
  });
  const answer = once(received, 'answer', { signal: AbortSignal.timeout(20_000) });
  // A test may end without calling answer().
  answer.catch(() => {});
  server.listen(0);
  await once(server, 'listening');
  return {
    redirectUri: `http://localhost:${(server.address() as AddressInfo).port}`,
    answer: async () => (await answer)[0],
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
