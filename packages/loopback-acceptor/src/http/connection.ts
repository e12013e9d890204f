import type { Socket } from 'node:net';
import { formatRefusal, type Refusal } from './refusal.ts';
import { mayBecomeHead, parseHead, type RequestHead } from './request-head.ts';

/** An authorization response by GET may be as long as one by POST. Bytes. */
const maxHeadSize = 64 * 1_024;

/** So much of a head is checked before its end has come. Bytes. */
const earlyCheckSize = 4_096;

/** Milliseconds until the request has to be there. A browser may leave a preconnected socket silent for as long. */
const requestTimeout = 20_000;

/** Milliseconds that a client may take to hang up when it was refused. */
const lingerTime = 400;

const nothing = Buffer.alloc(0);

const malformed: Refusal = { status: 400, reason: 'This is not a request of a browser.' };
const tooLong: Refusal = { status: 431, reason: 'The request is longer than any authorization response.' };
const tooSlow: Refusal = { status: 408, reason: 'The request did not arrive in time.' };

/** A request, whole. */
export interface Request {
  head: RequestHead;
  body: string;
}

/** What a connection asks and tells. */
export interface ConnectionHandlers {
  /** How many bytes of body to read, or why not to. */
  judgeHead(head: RequestHead): number | Refusal;
  /** The request is there, and waits for `respond` or `refuse`. */
  onRequest(request: Request, connection: Connection): void;
  /** Something came that is no request, or not a whole one, or was refused by its head; the client has been told. */
  onStray(): void;
}

/**
 * One HTTP request on one socket, read up to its end and not a byte further, then one response.
 *
 * After the response the socket sends FIN and goes on reading, into nothing, until the client has hung up as well or its time
 * is over: 400 ms after a refusal, after a page when the server hangs up. Closed with something left unread it would send RST,
 * and a client that gets RST drops the page.
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
    this.#timer = setTimeout(() => this.#giveUp(), requestTimeout).unref();
    socket
      .on('data', (chunk: Buffer) => this.#read(chunk))
      .on('end', () => this.#breakOff())
      .on('error', () => socket.destroy())
      .on('close', () => {
        clearTimeout(this.#timer);
        this.#breakOff();
        // Node 24 frees a socket in full collections only, so ten thousand strays would add up, each with all of this.
        socket.removeAllListeners();
      });
  }

  /** Whether the client still waits for its response. */
  get isAnswering(): boolean {
    return this.#state === 'answering';
  }

  /** Whether the response was given, and only its delivery is left. */
  get isLeaving(): boolean {
    return this.#state === 'leaving';
  }

  /** Sends the response. Resolves when the system has taken it, or the client is gone. */
  respond(response: string): Promise<void> {
    this.#leave();
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.#socket.on('close', resolve).end(response, resolve));
  }

  refuse(refusal: Refusal): void {
    const response = formatRefusal(refusal, this.#head?.method);
    this.#leave();
    if (this.#socket.destroyed) return;
    this.#timer = setTimeout(() => this.#socket.destroy(), lingerTime).unref();
    this.#socket.end(response);
  }

  destroy(): void {
    this.#state = 'leaving';
    this.#socket.destroy();
  }

  /** What was read is not kept for as long as the client takes to hang up. */
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
      // Nearly always the whole request, so there is nothing to copy.
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

  /** The head, where it has arrived and its body is wanted. */
  #readHead(added: number): RequestHead | undefined {
    const end = this.#bytes.subarray(0, this.#size).indexOf('\r\n\r\n', Math.max(0, this.#size - added - 3));
    if (end > maxHeadSize || (end === -1 && this.#size > maxHeadSize)) return this.#turnAway(tooLong);
    if (end === -1) {
      const isHopeless = this.#size <= earlyCheckSize && !mayBecomeHead(this.#bytes.toString('latin1', 0, this.#size));
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

  /** The client has finished, or is gone. */
  #breakOff(): void {
    if (this.#state !== 'reading') return;
    if (this.#size > 0) this.#turnAway(malformed);
    else this.destroy();
  }

  /** A socket that said nothing was no request. */
  #giveUp(): void {
    if (this.#size > 0) this.#turnAway(tooSlow);
    else this.destroy();
  }
}
