import type { FileHandle } from 'node:fs/promises';
import { fileError, GraphClientError } from '../graph-client-error.ts';
import { maxTimeoutMs } from '../request/exchange.ts';
import { GraphError, readJson } from '../request/graph-error.ts';
import type { GraphRequest } from '../request/graph-request.ts';
import { discardBody } from '../request/read-body.ts';
import { isBreak, type RequestSender } from '../request/request-sender.ts';

/** Graph takes a multiple of 320 KiB for every piece but the last, and recommends 5 to 10 MiB. */
const unitBytes = 320 * 1024;
const maxPieceUnits = 32;
/** Graph puts the file together before it answers to the last piece. */
const lastAnswerFactor = 4;
/** How many times in a row Graph may not take a piece. */
const maxFailures = 5;
/** After these, Graph can be asked how far it is. 429 and 503 have been waited for already. */
const recoverableStatuses = [408, 416, 500, 502, 504];

/** The local file of an upload. */
export interface UploadSource {
  readonly input: FileHandle;
  readonly file: string;
  /** Bytes. */
  readonly size: number;
  /** Resolves with whether the file is still as it was when it was opened. */
  readonly isUnchanged: () => Promise<boolean>;
}

/** What one request brought: the item, the start of the next piece, a session that is gone, or a reason to try again. */
type Step = { item: Response } | { next: number } | 'gone' | { reason: string };

/** Sends one file, piece by piece, to the address that Graph gave for it, which must not see the token. */
export class UploadSession {
  readonly #sender: RequestSender;
  readonly #source: UploadSource;
  /** What all requests have in common. */
  readonly #target: { url: URL; withToken: false; signal: AbortSignal };
  /** Of one piece. On a slow line a large piece takes longer than its answer may. */
  #pieceUnits = maxPieceUnits;

  /** `uploadUrl` has been checked with `isUploadAddress`. */
  constructor(sender: RequestSender, uploadUrl: string, source: UploadSource, signal: AbortSignal) {
    this.#sender = sender;
    this.#source = source;
    this.#target = { url: new URL(uploadUrl), withToken: false, signal };
  }

  /**
   * Sends what Graph does not have yet. `start` is the next byte that Graph expects; undefined: Graph is asked. Returns
   * Graph's last answer, or undefined if the session is gone. Throws GraphError, GraphClientError, the signal's reason.
   */
  async send(start: number | undefined, onProgress: (done: number) => void): Promise<Response | undefined> {
    let next = start;
    let furthest = start ?? -1;
    for (let failures = 0; ; ) {
      const step = await this.#step(next);
      if (step === 'gone') return undefined;
      if ('item' in step) return step.item;
      if ('next' in step && (next === undefined || step.next > next)) {
        if (step.next > furthest) failures = 0;
        furthest = Math.max(furthest, step.next);
        next = step.next;
        onProgress(next);
        continue;
      }
      const reason = 'reason' in step ? step.reason : 'Graph did not take the last piece';
      if (++failures === maxFailures) {
        const message = `the upload to ${this.#target.url.host} gave up: ${reason}, ${maxFailures} times in a row`;
        throw new GraphClientError('INCOMPLETE', message);
      }
      await this.#sender.wait({ attempt: failures, reason }, this.#target.signal);
      next = undefined;
    }
  }

  async #step(start: number | undefined): Promise<Step> {
    const piece = start === undefined ? undefined : await this.#readPiece(start);
    const startedAt = performance.now();
    try {
      const response = await this.#sender.send(this.#request(start, piece));
      const isQuick = performance.now() - startedAt < this.#sender.options.idleTimeout / 8;
      if (piece && isQuick) this.#pieceUnits = Math.min(maxPieceUnits, this.#pieceUnits * 2);
      if (response.status === 404 || response.status === 410) return 'gone';
      // Before the last piece nobody can have the whole file, whatever the answer says.
      const isLast = piece && Number(start) + piece.length === this.#source.size;
      if (response.ok && isLast && response.status !== 202) return { item: response };
      if (response.ok) return await this.#readNext(response);
      if (!recoverableStatuses.includes(response.status)) throw await GraphError.from(response, this.#target.signal);
      discardBody(response);
      return { reason: `Graph failed (HTTP ${response.status})` };
    } catch (error) {
      if (!isBreak(error)) throw error;
      const isLate = Object(error.cause).name === 'TimeoutError';
      if (piece && isLate) this.#pieceUnits = Math.max(1, Math.floor(this.#pieceUnits / 4));
      return { reason: error.message };
    }
  }

  /** A piece, or without one the question how far Graph is. */
  #request(start = 0, piece?: Uint8Array<ArrayBuffer>): GraphRequest {
    if (piece === undefined) return { ...this.#target, method: 'GET', headers: new Headers() };
    const end = start + piece.length;
    const range = `bytes ${start}-${end - 1}/${this.#source.size}`;
    const factor = end === this.#source.size ? lastAnswerFactor : 1;
    const answerTimeout = Math.min(factor * this.#sender.options.idleTimeout, maxTimeoutMs);
    const headers = new Headers({ 'content-range': range });
    return { ...this.#target, method: 'PUT', headers, body: piece, answerTimeout };
  }

  async #readNext(response: Response): Promise<Step> {
    const progress = Object(await readJson(response, this.#target.signal)) as { nextExpectedRanges?: unknown };
    const { nextExpectedRanges: ranges } = progress;
    const start = Array.isArray(ranges) ? /^\d+/.exec(String(ranges[0]))?.[0] : undefined;
    if (start === undefined) return { reason: 'Graph did not say what it expects next' };
    // Such a piece does not exist. Graph may still be busy with the last one.
    if (Number(start) >= this.#source.size) return { reason: 'Graph expects more than the file has' };
    return { next: Number(start) };
  }

  async #readPiece(start: number): Promise<Uint8Array<ArrayBuffer>> {
    const { input, file, size, isUnchanged } = this.#source;
    const piece = new Uint8Array(Math.min(this.#pieceUnits * unitBytes, size - start));
    let done = 0;
    while (done < piece.length) {
      const { bytesRead } = await input.read(piece, done, piece.length - done, start + done).catch((error) => {
        throw fileError('read', file, error);
      });
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    // If the file is unchanged after its last byte was read, all pieces are of one content.
    if (done < piece.length || (start + done === size && !(await isUnchanged()))) {
      const message = `${file} changed while it was uploaded, and nothing was stored; upload it again when it is complete`;
      throw new GraphError(message, { status: 0, code: 'sourceChanged' });
    }
    return piece;
  }

  /** Graph forgets what it has of the file. It does so by itself after some days, so a failure is no matter. */
  async cancel(): Promise<void> {
    const request = { ...this.#target, method: 'DELETE', headers: new Headers() };
    await this.#sender.send(request).then(discardBody, () => {});
  }
}
