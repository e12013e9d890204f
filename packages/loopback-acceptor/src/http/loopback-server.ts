import { createServer, type Server, type Socket } from 'node:net';
import type { Settings } from '../acceptor-options.ts';
import { bindLoopback } from './bind-loopback.ts';
import { Connection, type ConnectionHandlers } from './connection.ts';

/** Sockets held at once. Then the oldest gives way to the newest, so that idle ones cannot keep the browser out. */
const maxConnections = 1_000;

/** Milliseconds that a client may take to read its page once everything is over. */
const farewellTime = 350;

/**
 * HTTP on the loopback addresses, as little of it as the wait for one answer takes: a request and a response per connection.
 *
 * Not on node:http, which would keep reading behind the request, hold what is pipelined there in memory, and cut off pages
 * in its `close()`.
 */
export class LoopbackServer {
  port = 0;
  /** Until it is set, nothing is let in. */
  handlers: ConnectionHandlers | undefined;
  #servers: Server[] = [];
  readonly #connections = new Set<Connection>();
  #closed: Promise<void> | undefined;
  #onLastGone: (() => void) | undefined;

  /** @throws {AcceptorError} ACCEPTOR_LISTEN */
  async listen(settings: Pick<Settings, 'host' | 'port'>): Promise<void> {
    const { servers, port } = await bindLoopback(settings, () => this.#createServer());
    this.#servers = servers;
    this.port = port;
  }

  /**
   * Stops listening, destroys every socket that is not being told something, and those as well 350 ms after `since`, which is
   * a time of `performance.now()`.
   */
  hangUp(since = performance.now()): Promise<void> {
    this.#closed ??= this.#hangUp(since + farewellTime - performance.now());
    return this.#closed;
  }

  #createServer(): Server {
    // A client may say that it has finished and still wait for its page.
    return (
      createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#admit(socket))
        // A connection that could not be taken (no file descriptor left, say) must not end the process.
        .on('error', () => {})
    );
  }

  #admit(socket: Socket): void {
    if (!this.handlers || this.#closed || (this.#connections.size >= maxConnections && !this.#evict())) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, this.handlers);
    this.#connections.add(connection);
    socket.on('close', () => {
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#onLastGone?.();
    });
  }

  /** Destroys the oldest connection but those that wait for the outcome. False where there is none. */
  #evict(): boolean {
    for (const connection of this.#connections) {
      if (connection.isAnswering) continue;
      this.#connections.delete(connection);
      connection.destroy();
      return true;
    }
    return false;
  }

  async #hangUp(patience: number): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const connection of this.#connections) if (!connection.isLeaving) connection.destroy();
    await this.#waitUntilGone(patience);
    for (const connection of this.#connections) connection.destroy();
    await Promise.all(closed);
    // A closed handle is off the event loop at the end of its turn only.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  async #waitUntilGone(patience: number): Promise<void> {
    if (this.#connections.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onLastGone = resolve;
      timer = setTimeout(resolve, patience);
    });
    clearTimeout(timer);
  }
}
