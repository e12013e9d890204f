import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Settings } from './acceptor-options.ts';
import { bindLoopback } from './bind-loopback.ts';
import { formatRefusal, type Refusal } from './refusal.ts';

/** Sockets held at once. Then the oldest gives way to the newest, so that idle ones cannot keep the browser out. */
const maxSockets = 1_000;

/** An authorization response by GET may be as long as one by POST. Bytes. */
const maxHeadSize = 64 * 1_024;

/** How long a client may take to read what it was told and to hang up, in milliseconds. */
const lingerTime = 400;

/** Milliseconds. A browser may leave a preconnected socket silent for as long. */
const timeouts = { headersTimeout: 20_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 };

const malformed: Refusal = { status: 400, reason: 'This is not an HTTP request.' };
const tooLong: Refusal = { status: 431, reason: 'The request is longer than any authorization response.' };
const tooSlow: Refusal = { status: 408, reason: 'The request did not arrive in time.' };
const connectRefused: Refusal = { status: 405, reason: 'Only GET and POST are answered here.' };

/** Requests pipelined behind the first that a connection may have in one packet. More is an attack on the memory. */
const maxPipelined = 8;

/** Who is told of what comes in. */
export interface LoopbackServerHandlers {
  /** The first request of a connection. A second one on the same connection is not looked at. */
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Something came that is not HTTP, or a CONNECT. It has been refused already. */
  onGarbage(): void;
}

interface Connection {
  requests: number;
  /** Of the first request, once its head has arrived. */
  response?: ServerResponse;
  /** Everything was said; we wait for the client to hang up. */
  leaving?: NodeJS.Timeout;
}

/**
 * HTTP on the loopback addresses: one request per connection, and an end that comes soon but cuts nothing off.
 *
 * After its response a socket sends FIN and goes on reading until the client has hung up as well, at most for 400 ms.
 * Destroyed at once it would send RST where something is left unread, and a client that gets RST drops its page.
 */
export class LoopbackServer {
  port = 0;
  /** Until it is set, nothing is let in. */
  handlers: LoopbackServerHandlers | undefined;
  #servers: Server[] = [];
  readonly #connections = new Map<Socket, Connection>();
  #closed: Promise<void> | undefined;
  #onLastGone: (() => void) | undefined;

  /** @throws {AcceptorError} ACCEPTOR_LISTEN */
  async listen(settings: Pick<Settings, 'host' | 'port'>): Promise<void> {
    const { servers, port } = await bindLoopback(settings, () => this.#createServer());
    this.#servers = servers;
    this.port = port;
  }

  /** Lets the responses that were given get through, destroys every other socket at once, those as well after 400 ms. */
  hangUp(): Promise<void> {
    this.#closed ??= this.#hangUp();
    return this.#closed;
  }

  /** Refuses a request. Its body, if any, is read and thrown away for as long as the client takes to hang up. */
  refuse(request: IncomingMessage, refusal: Refusal): void {
    const connection = this.#connections.get(request.socket);
    if (!connection || connection.leaving) return;
    request.resume();
    this.#refuse(request.socket, connection, formatRefusal(refusal, request.method));
  }

  #createServer(): Server {
    const server = createServer({
      ...timeouts,
      maxHeaderSize: maxHeadSize,
      // We refuse those ourselves, so that they count.
      requireHostHeader: false,
    });
    const serve = (request: IncomingMessage, response: ServerResponse): void => this.#serve(request, response);
    return (
      server
        .on('connection', (socket) => this.#admit(socket))
        .on('request', serve)
        // Whether the client shall send its body, or expects something else of us, is decided like the rest.
        .on('checkContinue', serve)
        .on('checkExpectation', serve)
        .on('connect', (_request, socket) => this.#refuseGarbage(socket as Socket, connectRefused))
        .on('clientError', (error: NodeJS.ErrnoException, socket) => this.#onClientError(error, socket as Socket))
        // A connection that could not be taken (no file descriptor left, say) must not end the process.
        .on('error', () => {})
    );
  }

  #admit(socket: Socket): void {
    if (!this.handlers || this.#closed || (this.#connections.size >= maxSockets && !this.#evict())) {
      socket.destroy();
      return;
    }
    const connection: Connection = { requests: 0 };
    this.#connections.set(socket, connection);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(connection.leaving);
      this.#connections.delete(socket);
      if (this.#connections.size === 0) this.#onLastGone?.();
    });
    // What node:http calls after a response with `Connection: close`.
    socket.destroySoon = () => this.#leave(socket, connection);
  }

  /** Destroys the oldest socket that nobody's page depends on. False where there is none. */
  #evict(): boolean {
    for (const [socket, { response, leaving }] of this.#connections) {
      if (response?.req.complete && !response.writableEnded && !leaving) continue;
      this.#connections.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (!connection) return;
    connection.requests++;
    if (connection.requests === 1) {
      connection.response = response;
      this.handlers?.onRequest(request, response);
    } else if (connection.requests <= 1 + maxPipelined) {
      socket.pause();
    } else {
      socket.destroy();
    }
  }

  #onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (!connection || !socket.writable) {
      socket.destroy();
    } else if (connection.leaving || connection.response?.req.complete) {
      // Garbage behind the request, which does not concern its response.
      socket.pause();
    } else if (connection.response) {
      // Its body was broken off.
      socket.destroy();
    } else if (error.code?.startsWith('HPE_')) {
      this.#refuseGarbage(socket, error.code === 'HPE_HEADER_OVERFLOW' ? tooLong : malformed);
    } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead > 0) {
      this.#refuse(socket, connection, formatRefusal(tooSlow));
    } else {
      socket.destroy();
    }
  }

  #refuseGarbage(socket: Socket, refusal: Refusal): void {
    const connection = this.#connections.get(socket);
    if (!connection || connection.requests > 0 || connection.leaving) return;
    this.#refuse(socket, connection, formatRefusal(refusal));
    this.handlers?.onGarbage();
  }

  #refuse(socket: Socket, connection: Connection, bytes: Buffer): void {
    socket.write(bytes);
    socket.resume();
    this.#leave(socket, connection);
  }

  #leave(socket: Socket, connection: Connection): void {
    if (connection.leaving) return;
    connection.leaving = setTimeout(() => socket.destroy(), lingerTime).unref();
    socket.end();
  }

  async #hangUp(): Promise<void> {
    for (const [socket, { response, leaving }] of this.#connections) {
      if (!leaving && !response?.writableEnded) socket.destroy();
    }
    await this.#waitUntilGone();
    // Not earlier: `close()` destroys connections whose response has ended but is not flushed yet.
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const socket of this.#connections.keys()) socket.destroy();
    await Promise.all(closed);
    // A closed handle is off the event loop at the end of its turn only.
    await setImmediate();
    await setImmediate();
  }

  async #waitUntilGone(): Promise<void> {
    if (this.#connections.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onLastGone = resolve;
      timer = setTimeout(resolve, lingerTime);
    });
    clearTimeout(timer);
  }
}
