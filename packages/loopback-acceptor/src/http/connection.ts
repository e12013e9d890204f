import type { Socket } from 'node:net';
import { mayBecomeHead, parseHead, type RequestHead } from './request-head.ts';
import { formatRefusal, type Refusal } from './response.ts';

/** An authorization response by GET may be as long as one by POST. */
const maxHeadBytes = 64 * 1_024;

/** Up to this length an incomplete head is checked too, so that a client of another protocol is refused at once. */
const earlyCheckBytes = 4_096;

/** How long a request may take to arrive. Browsers open sockets in advance and may send nothing for a while. */
const requestTimeoutMs = 20_000;

/** How long a refused client may take to close its side of the connection. */
const lingerTimeMs = 400;

/**
 * Windows resets the sockets that a process has not closed before its `process.exit()`, and a browser that is reset drops what it
 * has not read. Other systems go on sending.
 */
const resetsAtExit = process.platform === 'win32';

const nothing = Buffer.alloc(0);

const malformed: Refusal = { status: 400, reason: 'This is not a request as browsers send it.' };
const tooLong: Refusal = { status: 431, reason: 'The request is longer than any authorization response.' };
const tooSlow: Refusal = { status: 408, reason: 'The request did not arrive in time.' };

/** A complete request. */
export interface Request {
  head: RequestHead;
  body: string;
}

/** The decisions that a connection asks for, and the events that it reports. */
export interface ConnectionHandlers {
  /** Returns how many bytes of body to read, or why the request is refused. */
  judgeHead(head: RequestHead): number | Refusal;
  /** The request has arrived. It waits for `respond` or `refuse`. */
  onRequest(request: Request, connection: Connection): void;
  /** The client sent something else, or an incomplete request, or one that was refused by its head. It was answered. */
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
        // Node 24 frees a socket only in a full garbage collection. Until then its listeners would keep this object and all
        // that it has read, ten thousand times in an attack.
        socket.removeAllListeners();
      });
  }

  /** Whether the request has arrived and the client waits for its response. */
  get isAnswering(): boolean {
    return this.#state === 'answering';
  }

  /** Whether the response was sent, or there is none to send. */
  get isLeaving(): boolean {
    return this.#state === 'leaving';
  }

  /**
   * Sends the response. Resolves when the system has taken it or the client is gone. On Windows it resolves when the client has
   * closed its side too, or the server has hung up.
   */
  respond(response: string): Promise<void> {
    this.#leave();
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.on('close', resolve).end(response);
      if (!resetsAtExit) this.#socket.on('finish', resolve);
    });
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

  /** Frees what was read, because the client may take a while to close its side. */
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
      // Not copied, because the first chunk is nearly always the whole request.
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

  /** Returns the head if it has arrived and is not refused. `added` is the size of the newest chunk. */
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

  /** The client has ended its side of the connection or is gone, perhaps before its request was complete. */
  #endEarly(): void {
    if (this.#state !== 'reading') return;
    if (this.#size > 0) this.#turnAway(malformed);
    else this.destroy();
  }

  /** The time for the request is over. A client that sent nothing has made no request. */
  #giveUp(): void {
    if (this.#size > 0) this.#turnAway(tooSlow);
    else this.destroy();
  }
}
