/**
 * The HTTP server. This folder holds sockets, requests and responses, and as little of HTTP as one answer needs. It does not
 * know what an authorization response contains.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Settings } from '../acceptor-options.ts';
import { bindLoopback } from './bind-loopback.ts';
import { Connection, type ConnectionHandlers } from './connection.ts';

/** Beyond this number, a new connection replaces the oldest one, so that idle connections cannot keep the browser out. */
const maxConnections = 1_000;

/** How long a client may take to read its page, from the outcome on. */
const farewellTimeMs = 350;

/**
 * Serves one request per connection on the loopback addresses.
 *
 * Does not use node:http: it parses on after the request, refuses a page to a client that has ended its side, needs more than
 * twice the memory under attack, and takes 40 ms to load.
 */
export class LoopbackServer {
  /** Until it is set, every connection is refused. */
  handlers: ConnectionHandlers | undefined;
  #servers: Server[] = [];
  readonly #connections = new Set<Connection>();
  #closed: Promise<void> | undefined;

  /** Resolves with the port. @throws {AcceptorError} ACCEPTOR_LISTEN */
  async listen(settings: Pick<Settings, 'host' | 'port'>): Promise<number> {
    const { servers, port } = await bindLoopback(settings, () => this.#createServer());
    this.#servers = servers;
    return port;
  }

  /**
   * Stops listening and destroys every socket that has no response on its way. The others are destroyed after
   * `farewellTimeMs`. Resolves when all are gone. Later calls share the first one's result.
   */
  hangUp(): Promise<void> {
    this.#closed ??= this.#hangUp();
    return this.#closed;
  }

  #createServer(): Server {
    // `allowHalfOpen`: a client may end its side of the connection and still wait for its page.
    return (
      createServer({ allowHalfOpen: true }, (socket) => this.#admit(socket))
        // A connection that cannot be accepted, for example without a free file descriptor, must not end the process.
        .on('error', () => {})
    );
  }

  #admit(socket: Socket): void {
    if (!this.handlers || (this.#connections.size >= maxConnections && !this.#evict())) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, this.handlers);
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  }

  /** Destroys the oldest connection that does not wait for the outcome. False if all do. */
  #evict(): boolean {
    const oldest = [...this.#connections].find(({ state }) => state !== 'answering');
    oldest?.destroy();
    return oldest !== undefined && this.#connections.delete(oldest);
  }

  async #hangUp(): Promise<void> {
    // Each resolves when the last socket of that server is gone.
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const connection of this.#connections) if (connection.state !== 'leaving') connection.destroy();
    const farewell = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, farewellTimeMs);
    await Promise.all(closed);
    clearTimeout(farewell);
    // The event loop releases a closed handle only at the end of its next turn.
    await setImmediate();
    await setImmediate();
  }
}
