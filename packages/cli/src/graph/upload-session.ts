import type { FileHandle } from 'node:fs/promises';
import { exitStatus } from '../exit-status.ts';
import { Failure, fileFailure } from '../failure.ts';
import { isPrivate } from './graph-address.ts';
import type { GraphClient } from './graph-client.ts';
import { graphFailure } from './graph-failure.ts';
import type { Progress } from './progress.ts';

/** Graph wants a multiple of 320 KiB for every piece but the last, and recommends 5 to 10 MiB. */
const pieceLength = 32 * 320 * 1024;
/** So many times in a row without progress, a piece is sent again. */
const attempts = 5;
/** After these Graph can be asked how far it is. 429 and 503 have been waited for already. */
const recoverable = [408, 416, 500, 502, 504];

export interface UploadSource {
  readonly input: FileHandle;
  readonly file: string;
  readonly size: number;
}

/** What one request brought: the item, the start of the next piece, a session that is gone, or a reason to try again. */
type Step = { item: Response } | { next: number } | 'gone' | { reason: string };

/** One file on its way, piece by piece, to the address that Graph gave for it and that must not see the token. */
export class UploadSession {
  readonly #client: GraphClient;
  readonly #url: URL;
  readonly #source: UploadSource;

  constructor(client: GraphClient, uploadUrl: string, source: UploadSource) {
    this.#client = client;
    this.#url = new URL(uploadUrl);
    this.#source = source;
    if (!isPrivate(this.#url)) throw new Failure(`not uploading to ${this.#url.origin}: it is not https`);
  }

  /**
   * Sends what is missing; `start` is the next byte that Graph expects, undefined to ask it. Settles with Graph's last
   * answer, or undefined where the session is gone. Throws Failure.
   */
  async send(start: number | undefined, progress: Progress): Promise<Response | undefined> {
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
        progress.at(next);
        continue;
      }
      const reason = 'reason' in step ? step.reason : 'Graph did not take the last piece';
      if (++failures === attempts) throw new Failure(`${reason}, ${attempts} times in a row`, exitStatus.unavailable);
      await this.#client.wait(failures, reason);
      next = undefined;
    }
  }

  async #step(start: number | undefined): Promise<Step> {
    try {
      const response = await (start === undefined ? this.#ask() : this.#sendPiece(start));
      if (response.status === 404 || response.status === 410) return 'gone';
      if (response.status === (start === undefined ? 200 : 202)) return await readNext(response);
      if (response.ok) return { item: response };
      if (!recoverable.includes(response.status)) throw await graphFailure(response);
      await response.body?.cancel();
      return { reason: `Graph failed (HTTP ${response.status})` };
    } catch (error) {
      if (error instanceof Failure) throw error;
      this.#client.throwIfInterrupted();
      return { reason: 'The connection broke' };
    }
  }

  #ask(): Promise<Response> {
    return this.#client.send({ method: 'GET', url: this.#url, withToken: false });
  }

  async #sendPiece(start: number): Promise<Response> {
    const { size } = this.#source;
    const body = await this.#read(start, Math.min(pieceLength, size - start));
    const headers = new Headers({ 'content-range': `bytes ${start}-${start + body.length - 1}/${size}` });
    return this.#client.send({ method: 'PUT', url: this.#url, headers, body, withToken: false });
  }

  async #read(start: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const { input, file } = this.#source;
    const piece = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await input.read(piece, done, length - done, start + done).catch((error) => {
        throw fileFailure('read', file, error);
      });
      if (bytesRead === 0) throw new Failure(`${file} became shorter while it was uploaded`);
      done += bytesRead;
    }
    return piece;
  }
}

async function readNext(response: Response): Promise<Step> {
  const { nextExpectedRanges } = (await response.json()) as { nextExpectedRanges?: unknown };
  const first = Array.isArray(nextExpectedRanges) ? Number.parseInt(String(nextExpectedRanges[0]), 10) : Number.NaN;
  return Number.isNaN(first) ? { reason: 'Graph did not say what it expects next' } : { next: first };
}
