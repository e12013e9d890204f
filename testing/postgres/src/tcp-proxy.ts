import { connect, createServer, type Server, type Socket } from 'node:net';

/** The sender of bytes: the client of the proxy, or the server behind it. */
export type Sender = 'client' | 'server';

/** A TCP proxy on loopback that breaks connections on request. */
export class TcpProxy implements AsyncDisposable {
  readonly port: number;
  /** How many bytes the proxy has forwarded since its start. */
  readonly bytes: Record<Sender, number> = { client: 0, server: 0 };
  /** The delay from one end to the other, in milliseconds. */
  delayMs = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #silent = new WeakSet<Socket>();
  readonly #cuts: { sender: Sender; left: number; onCut: () => void }[] = [];
  #mode: 'forward' | 'swallow' | 'refuse' = 'forward';

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(targetPort: number, targetHost = '127.0.0.1'): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new TcpProxy(server, (server.address() as { port: number }).port);
    server.on('connection', (client) => proxy.#join(client, connect(targetPort, targetHost)));
    return proxy;
  }

  /**
   * Forwards `bytes` more bytes of this sender, over all its connections, then destroys the connection that carries the next byte. With
   * ('server', 0) a request arrives and its answer is lost. Resolves after the cut.
   */
  cutAfter(sender: Sender, bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#cuts.push({ sender, left: bytes, onCut: resolve });
    return promise;
  }

  /** From now on connections stay open and carry nothing, as if the cable were unplugged. */
  swallow(): void {
    this.#mode = 'swallow';
  }

  /** Open connections carry nothing any more, as after a failover. New connections work. */
  silence(): void {
    for (const socket of this.#sockets) this.#silent.add(socket);
  }

  /** Destroys all connections, and every new one. */
  refuse(): void {
    this.#mode = 'refuse';
    for (const socket of this.#sockets) socket.destroy();
  }

  /** New connections are forwarded again, and nothing is cut any more. Swallowed bytes stay lost. */
  heal(): void {
    this.#mode = 'forward';
    this.#cuts.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    if (this.#mode === 'refuse') {
      client.destroy();
      server.destroy();
      return;
    }
    this.#forward('client', client, server);
    this.#forward('server', server, client);
  }

  #forward(sender: Sender, from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.on('data', (data) => {
      if (this.#mode === 'swallow' || this.#silent.has(from)) return;
      const cut = this.#cuts.find((each) => each.sender === sender);
      const sent = cut ? data.subarray(0, cut.left) : data;
      this.bytes[sender] += sent.length;
      if (cut && sent.length < data.length) {
        this.#cuts.splice(this.#cuts.indexOf(cut), 1);
        to.write(sent, () => {
          from.destroy();
          to.destroy();
          cut.onCut();
        });
        return;
      }
      if (cut) cut.left -= data.length;
      if (this.delayMs > 0) setTimeout(() => to.write(data), this.delayMs);
      else to.write(data);
    });
  }
}
