import type { Socket } from 'node:net';
import { formatResponse, parseHead, type RequestHead, type Response, refusal } from './message.ts';

/** An authorization response by GET may be as long as one by POST. */
const maxHeadBytes = 64 * 1_024;

/** How long a request may take to arrive. Browsers open sockets in advance and may send nothing for a while. */
const requestTimeoutMs = 20_000;

/** How long a refused client may take to close its side of the connection. */
const lingerTimeMs = 400;

/**
 * At `process.exit()`, Windows resets the sockets that are still open, and a browser drops what it has not read before the reset.
 * Other systems go on sending.
 */
const resetsAtExit = process.platform === 'win32';

const malformed = refusal('400 Bad Request', 'This is not a request as browsers send it.');
const tooLong = refusal('431 Request Header Fields Too Large', 'The request is too long.');
const tooSlow = refusal('408 Request Timeout', 'The request did not arrive in time.');

/** A complete request. */
export interface Request extends RequestHead {
  body: string;
}

/** The decisions that a connection asks for, and the events that it reports. */
export interface ConnectionHandlers {
  /** Returns how many bytes of body to read, or why the request is refused. */
  judgeHead(head: RequestHead): number | Response;
  /** The request has arrived. It waits for `respond` or `refuse`. */
  onRequest(request: Request, connection: Connection): void;
  /** The client sent something that is no request, or is incomplete, or was refused by `judgeHead`. The connection has answered it. */
  onStray(): void;
}

/**
 * One HTTP request on one socket, then one response. Anything that the client sends after its request is discarded.
 *
 * After the response the socket sends FIN and keeps reading until the client has closed its side too. A refused client has
 * `lingerTimeMs` for that, and the reader of a page has until the server hangs up. The reading is necessary: a socket that
 * is closed with unread bytes sends RST, and a client that gets RST may drop its page.
 */
export class Connection {
  /**
   * - `reading`: the request has not arrived yet.
   * - `answering`: it has arrived, and the client waits for its response.
   * - `leaving`: the response was sent, or there is none to send.
   */
  state: 'reading' | 'answering' | 'leaving' = 'reading';
  readonly #socket: Socket;
  readonly #handlers: ConnectionHandlers;
  /** The part of the head, then of the body, that has arrived. Each byte is one character. */
  #received = '';
  #head: RequestHead | undefined;
  #bodyBytes = 0;
  #timer: NodeJS.Timeout;

  constructor(socket: Socket, handlers: ConnectionHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#timer = setTimeout(() => this.#abandon(tooSlow), requestTimeoutMs).unref();
    socket
      .setEncoding('latin1')
      .on('data', (text: string) => this.#read(text))
      .on('end', () => this.#abandon(malformed))
      // Node destroys the socket after an error.
      .on('error', () => {})
      .on('close', () => {
        clearTimeout(this.#timer);
        this.#abandon(malformed);
        // Node 24 frees a socket only in a full garbage collection. Until then its listeners would keep this object and all
        // that it has read, ten thousand times in an attack.
        socket.removeAllListeners();
      });
  }

  /**
   * Sends the response. Resolves when the system has taken it or the client is gone. On Windows it resolves when the client has
   * closed its side too, or the server has hung up.
   */
  respond(response: Response): Promise<void> {
    this.#send(response);
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.on('close', resolve);
      if (!resetsAtExit) this.#socket.on('finish', resolve);
    });
  }

  refuse(response: Response): void {
    this.#send(response);
    this.#timer = setTimeout(() => this.#socket.destroy(), lingerTimeMs).unref();
  }

  destroy(): void {
    this.state = 'leaving';
    this.#socket.destroy();
  }

  #send(response: Response): void {
    this.state = 'leaving';
    clearTimeout(this.#timer);
    this.#socket.end(formatResponse(response));
  }

  #read(text: string): void {
    if (this.state !== 'reading') return;
    this.#received += text;
    this.#head ??= this.#readHead();
    if (!this.#head || this.#received.length < this.#bodyBytes) return;
    this.state = 'answering';
    const body = Buffer.from(this.#received.slice(0, this.#bodyBytes), 'latin1').toString();
    this.#handlers.onRequest({ ...this.#head, body }, this);
  }

  /** Returns the head if it has arrived and is not refused. */
  #readHead(): RequestHead | undefined {
    const begun = this.#received;
    const end = begun.indexOf('\r\n\r\n');
    if ((end === -1 ? begun.length : end) > maxHeadBytes) return this.#turnAway(tooLong);
    // A client that speaks TLS is refused at once, not after `requestTimeoutMs`.
    if (end === -1) return /^[A-Z]/.test(begun) ? undefined : this.#turnAway(malformed);
    const head = parseHead(begun.slice(0, end));
    if (!head) return this.#turnAway(malformed);
    const verdict = this.#handlers.judgeHead(head);
    if (typeof verdict !== 'number') return this.#turnAway(verdict);
    this.#received = begun.slice(end + 4);
    this.#bodyBytes = verdict;
    return head;
  }

  #turnAway(response: Response): undefined {
    this.refuse(response);
    this.#handlers.onStray();
  }

  /** Ends a request that will not be complete in time. A client that sent nothing has made no stray request. */
  #abandon(response: Response): void {
    if (this.state !== 'reading') return;
    if (this.#head || this.#received !== '') this.#turnAway(response);
    else this.destroy();
  }
}
