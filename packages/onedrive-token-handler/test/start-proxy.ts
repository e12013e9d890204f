import { createServer, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { listen } from 'testing-authority/listen';

/** A forward proxy on loopback: passes http on and tunnels https (RFC 9110 sections 7.6 and 9.3.6). */
export async function startProxy(): Promise<{ url: string; seen: string[] } & AsyncDisposable> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, response) => {
    seen.push(incoming.method ?? '');
    const { method, headers } = incoming;
    const onward = request(incoming.url ?? '', { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(onward.on('error', () => response.destroy()));
  });
  server.on('connect', (incoming: IncomingMessage, client: Socket) => {
    seen.push('CONNECT');
    const [host, port] = (incoming.url ?? '').split(':');
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
  });
  return {
    url: `http://127.0.0.1:${await listen(server)}`,
    seen,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}
