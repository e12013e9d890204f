import type { Socket } from 'node:net';
import { mayBecomeHead, parseHead, type RequestHead } from './request-head.ts';
import { formatRefusal, type Refusal } from './response.ts';

/** An authorization response by GET may be as long as one by POST. */
const maxHeadBytes = 64 * 1_024;

/** A head up to this length is checked with each piece that arrives, so that other protocols are refused at once. */
const earlyCheckBytes = 4_096;

/** How long a request may take to arrive. Browsers may leave a socket silent that they opened in advance. */
const requestTimeoutMs = 20_000;

/** How long a refused client may take to close its side of the connection. */
const lingerTimeMs = 400;

const nothing = Buffer.alloc(0);

const malformed: Refusal = { status: 400, reason: 'This is not a request as browsers send it.' };
const tooLong: Refusal = { status: 431, reason: 'The request is longer than any authorization response.' };
const tooSlow: Refusal = { status: 408, reason: 'The request did not arrive in time.' };

/** A complete request. */
export interface Request {
  head: RequestHead;
  body: string;
}

/** What a connection asks and reports. */
export interface ConnectionHandlers {
  /** Returns how many bytes of body to read, or why the request is refused. */
  judgeHead(head: RequestHead): number | Refusal;
  /** The request has arrived. It waits for `respond` or `refuse`. */
  onRequest(request: Request, connection: Connection): void;
  /** The client sent something that is not a request, or not a complete one, or was refused. It has its response. */
  onStray(): void;
}

/**
 * One HTTP request on one socket, then one response. What comes after the request is not looked at.
 *
 * After the response the socket sends FIN, then reads and discards until the client has closed its side too. The time for
 * that ends `lingerTimeMs` after a refusal, or when the server hangs up after a page. Closing a socket with unread bytes
 * would send RST, and a client that gets RST may drop its page.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #handlers: ConnectionHandlers;
  #state: 'reading' | 'answering' | 'leaving' = 'reading';
  #bytes: Buffer = nothing;
  #size = 0;
  #head: RequestHead | undefined;
  #bodyStart = 0;
  #bodySize = 0;
  #timer: NodeJS.Timeout;

  constructor(socket: Socket, handlers: ConnectionHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#timer = setTimeout(() => this.#giveUp(), requestTimeoutMs).unref();
    socket
      .on('data', (chunk: Buffer) => this.#read(chunk))
      .on('end', () => this.#endEarly())
      .on('error', () => socket.destroy())
      .on('close', () => {
        clearTimeout(this.#timer);
        this.#endEarly();
        // Node 24 frees a socket only in a full garbage collection. Without its listeners, which lead to this object and what
        // it has read, ten thousand stray requests stay cheap until then.
        socket.removeAllListeners();
      });
  }

  /** Whether the request has arrived and the client waits for its response. */
  get isAnswering(): boolean {
    return this.#state === 'answering';
  }

  /** Whether there is a response, of which at most the delivery is left. */
  get isLeaving(): boolean {
    return this.#state === 'leaving';
  }

  /** Sends the response. Resolves when the system has taken it or the client is gone. */
  respond(response: string): Promise<void> {
    this.#leave();
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.#socket.on('close', resolve).end(response, resolve));
  }

  refuse(refusal: Refusal): void {
    const response = formatRefusal(refusal, this.#head?.method);
    this.#leave();
    if (this.#socket.destroyed) return;
    this.#timer = setTimeout(() => this.#socket.destroy(), lingerTimeMs).unref();
    this.#socket.end(response);
  }

  destroy(): void {
    this.#state = 'leaving';
    this.#socket.destroy();
  }

  /** Frees what was read, because the client may take long to close its side. */
  #leave(): void {
    this.#state = 'leaving';
    this.#bytes = nothing;
    this.#head = undefined;
    clearTimeout(this.#timer);
  }

  #read(chunk: Buffer): void {
    if (this.#state !== 'reading') return;
    this.#append(chunk);
    const head = this.#head ?? this.#readHead(chunk.length);
    if (!head || this.#size < this.#bodyStart + this.#bodySize) return;
    this.#state = 'answering';
    clearTimeout(this.#timer);
    const body = this.#bytes.toString('utf8', this.#bodyStart, this.#bodyStart + this.#bodySize);
    this.#bytes = nothing;
    this.#handlers.onRequest({ head, body }, this);
  }

  #append(chunk: Buffer): void {
    if (this.#size === 0) {
      // Nearly always this is the whole request, so that nothing is copied.
      this.#bytes = chunk;
      this.#size = chunk.length;
      return;
    }
    const size = this.#size + chunk.length;
    if (size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(size, 2 * this.#size));
      this.#bytes.copy(grown, 0, 0, this.#size);
      this.#bytes = grown;
    }
    chunk.copy(this.#bytes, this.#size);
    this.#size = size;
  }

  /** The head, if it has arrived and its body is wanted. */
  #readHead(added: number): RequestHead | undefined {
    const end = this.#bytes.subarray(0, this.#size).indexOf('\r\n\r\n', Math.max(0, this.#size - added - 3));
    if (end > maxHeadBytes || (end === -1 && this.#size > maxHeadBytes)) return this.#turnAway(tooLong);
    if (end === -1) {
      const isHopeless = this.#size <= earlyCheckBytes && !mayBecomeHead(this.#bytes.toString('latin1', 0, this.#size));
      return isHopeless ? this.#turnAway(malformed) : undefined;
    }
    this.#head = parseHead(this.#bytes.toString('latin1', 0, end));
    if (!this.#head) return this.#turnAway(malformed);
    const verdict = this.#handlers.judgeHead(this.#head);
    if (typeof verdict !== 'number') return this.#turnAway(verdict);
    this.#bodyStart = end + 4;
    this.#bodySize = verdict;
    const { headers, version } = this.#head;
    if (verdict > 0 && headers.has('expect') && version === '1.1') this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    return this.#head;
  }

  #turnAway(refusal: Refusal): undefined {
    this.refuse(refusal);
    this.#handlers.onStray();
  }

  /** The client has ended its side of the connection, or is gone. */
  #endEarly(): void {
    if (this.#state !== 'reading') return;
    if (this.#size > 0) this.#turnAway(malformed);
    else this.destroy();
  }

  /** The time for the request is over. A socket that sent nothing does not count as a request. */
  #giveUp(): void {
    if (this.#size > 0) this.#turnAway(tooSlow);
    else this.destroy();
  }
}
