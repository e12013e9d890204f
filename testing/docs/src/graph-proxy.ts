import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { issueCertificate } from 'testing-authority';

export interface GraphProxy extends AsyncDisposable {
  /** For HTTPS_PROXY. */
  readonly url: string;
}

/**
 * A proxy for programs whose address of Graph cannot be changed. Each of its tunnels ends at the Graph of `origin`, with a certificate
 * that its client must not check. `/drives/{id}` is `/me/drive`, the only drive there. The proxy itself follows redirects to the content
 * of a file, because older versions of rclone would send the token there, and the stand-in refuses such a request.
 */
export async function startGraphProxy(origin: string): Promise<GraphProxy> {
  const { key, cert } = issueCertificate();
  const graph = https.createServer({ key, cert }, (incoming, response) => {
    const { method, headers } = incoming;
    const url = new URL((incoming.url ?? '').replace(/^\/v1\.0\/drives\/[^/]+/, '/v1.0/me/drive'), origin);
    const pass = (answer: http.IncomingMessage): void => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    };
    const onward = http.request(url, { method, headers: { ...headers, host: url.host } }, (answer) => {
      const { location } = answer.headers;
      if (location === undefined) return pass(answer);
      answer.resume();
      http.get(location, pass).on('error', () => response.destroy());
    });
    incoming.pipe(onward.on('error', () => response.destroy()));
  });
  const sockets = new Set<Socket>();
  const proxy = http.createServer((_, response) => response.writeHead(501).end());
  proxy.on('connect', (_, client: Socket) => {
    const tunnel = connect(portOf(graph), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      tunnel.pipe(client).pipe(tunnel);
    });
    for (const socket of [client, tunnel]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
  });
  for (const server of [graph, proxy]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  return {
    url: `http://127.0.0.1:${portOf(proxy)}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      for (const server of [graph, proxy]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

function portOf(server: http.Server): number {
  return (server.address() as AddressInfo).port;
}
