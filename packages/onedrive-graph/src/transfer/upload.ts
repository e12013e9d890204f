import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import type { DriveItem } from '../drive-item.ts';
import { isPrivate } from '../graph-address.ts';
import { fileFailure, GraphClientError } from '../graph-client-error.ts';
import { discardBody, maxTimeoutMs, sourceOf, sources } from '../request/exchange.ts';
import { GraphError, readJson } from '../request/graph-error.ts';
import type { GraphRequest } from '../request/graph-request.ts';
import { isBreak, type RequestSender } from '../request/request-sender.ts';
import type { UnfinishedUpload, UploadOptions } from './transfer-options.ts';

/** Graph takes a multiple of 320 KiB for every piece but the last, and recommends 5 to 10 MiB. */
const unitBytes = 320 * 1024;
const maxPieceUnits = 32;
/** Graph assembles the file before it answers the last piece. */
const lastAnswerFactor = 4;
/** How many times in a row Graph may fail to take a piece. */
const maxFailures = 5;
/** After these, Graph can be asked how far the upload is. The sender has already waited and retried after 429 and 503. */
const recoverableStatuses = [408, 416, 500, 502, 504];

/** The item, and Graph's last answer as it came. */
export type Uploaded = { item: DriveItem; response: Response };

/** The local file, and its state when it was opened. */
type Source = { input: FileHandle; file: string; before: BigIntStats };

/** What one request brought: the last answer, the start of the next piece, or why to try again. */
type Step = { last: Response } | { next: number } | Failed;

/** `isStuck`: Graph answered as to an upload, but expects no byte that would continue it. */
type Failed = { reason: string; isGone?: boolean; isStuck?: boolean };

/**
 * Uploads a file as the item that the request names, in place of an item of that name. Continues an earlier upload of the
 * same content if `sessions` has one. Throws GraphError, GraphClientError, the signal's reason.
 */
export async function upload(
  sender: RequestSender,
  item: GraphRequest,
  file: string,
  options: UploadOptions,
): Promise<Uploaded> {
  const fail = fileFailure('read', file);
  // Checked before it is opened, because opening a pipe waits for its writer.
  if (!(await stat(file).catch(fail)).isFile()) throw new GraphClientError('NOT_A_FILE', `${file} is not a file`);
  await using input = await open(file, 'r').catch(fail);
  const before = await input.stat({ bigint: true });
  if (before.size > 0) return await new Pieces(sender, item, { input, file, before }).send(options);
  // A session does not accept an empty piece. Below /proc a file has bytes, although its size is 0.
  const body = await input.readFile().catch(fail);
  if (!(await isUnchanged(file, before))) throw sourceChanged(file);
  options.onProgress?.({ done: 0, total: body.length });
  const url = actionUrl(item.url, 'content');
  const response = await sender.sendSuccessfully({ ...item, method: 'PUT', url, body });
  return await readItem(response, item.signal);
}

/** Sends one file, piece by piece, to an address that Graph gives for the upload. That address must not see the token. */
class Pieces {
  readonly #sender: RequestSender;
  readonly #item: GraphRequest;
  readonly #source: Source;
  readonly #size: number;
  /** The size of one piece. On a slow line, a large piece would take longer than the time limit of its answer. */
  #pieceUnits = maxPieceUnits;

  constructor(sender: RequestSender, item: GraphRequest, source: Source) {
    this.#sender = sender;
    this.#item = item;
    this.#source = source;
    this.#size = Number(source.before.size);
  }

  async send({ sessions, onProgress }: UploadOptions): Promise<Uploaded> {
    const { file, before } = this.#source;
    const report = (done: number): void => onProgress?.({ done, total: this.#size });
    const content = { size: this.#size, modifiedAt: Number(before.mtimeNs) / 1e6 };
    // A file that is deleted has no path, but may be open as /dev/fd/3.
    const name = `${this.#item.url.href} ${await realpath(file).catch(() => file)}`;
    let url = addressOf(await sessions?.get(name), content);
    /** The byte that Graph expects. undefined: Graph is asked. */
    let next: number | undefined;
    let furthest = 0;
    /** How many sessions Graph has ended. They stay counted as failures. Otherwise, each new session could take a piece, without end. */
    let ended = 0;
    report(0);
    for (let failures = 0; ; ) {
      if (!url) {
        const created = await this.#createSession();
        url = created.url;
        next = 0;
        await sessions?.set(name, { uploadUrl: url.href, expiresAt: created.expiresAt, ...content });
      }
      const step = await this.#step(url, next).catch(async (error) => {
        if (isFinal(error)) await sessions?.delete(name);
        throw error;
      });
      if ('last' in step) {
        // Read before the session is deleted, because an answer of a captive portal must not delete it.
        const uploaded = await readItem(step.last, this.#item.signal);
        await sessions?.delete(name);
        report(this.#size);
        return uploaded;
      }
      if ('next' in step && (next === undefined || step.next > next)) {
        if (step.next > furthest) failures = ended;
        furthest = Math.max(furthest, step.next);
        next = step.next;
        report(next);
        continue;
      }
      const notTaken: Failed = { reason: 'Graph did not accept the piece just sent', isStuck: true };
      const { reason, isGone, isStuck } = 'reason' in step ? step : notTaken;
      if (++failures === maxFailures) {
        // Otherwise every later call would end in the same way, until the session expires.
        if (isStuck) await sessions?.delete(name);
        const message = `the upload to ${url.host} gave up: ${reason}, ${maxFailures} times in a row`;
        throw new GraphClientError('INCOMPLETE', message);
      }
      await this.#sender.wait({ attempt: failures, reason }, this.#item.signal);
      next = undefined;
      if (!isGone) continue;
      url = undefined;
      furthest = 0;
      ended++;
    }
  }

  /** https://learn.microsoft.com/graph/api/driveitem-createuploadsession */
  async #createSession(): Promise<{ url: URL; expiresAt: number }> {
    const headers = new Headers(this.#item.headers);
    headers.set('content-type', 'application/json');
    const body = '{"item":{"@microsoft.graph.conflictBehavior":"replace"}}';
    const action = actionUrl(this.#item.url, 'createUploadSession');
    const request = { ...this.#item, method: 'POST', url: action, headers, body };
    const answer = await readJson(await this.#sender.sendSuccessfully(request), request.signal);
    const { uploadUrl, expirationDateTime } = Object(answer);
    const url = URL.parse(String(uploadUrl));
    if (!url) throw new GraphClientError('INCOMPLETE', 'Graph gave no address to upload to');
    if (!isUploadAddress(url)) {
      const reason = 'it is not https, or has a password in it';
      throw new GraphClientError('RESPONSE', `not uploading to ${url.protocol}//${url.host}: ${reason}`);
    }
    return { url, expiresAt: Date.parse(String(expirationDateTime)) };
  }

  /** Sends the piece at `start`. Without `start`, asks Graph how far the upload is. */
  async #step(url: URL, start: number | undefined): Promise<Step> {
    const { signal } = this.#item;
    const { idleTimeout } = this.#sender.options;
    const question = { url, method: 'GET', headers: new Headers(), withToken: false, signal };
    const piece = start === undefined ? undefined : await this.#readPiece(start, question);
    // NaN for a question.
    const end = Number(start) + Number(piece?.length);
    const isLast = end === this.#size;
    const headers = new Headers({ 'content-range': `bytes ${start}-${end - 1}/${this.#size}` });
    const answerTimeout = Math.min(idleTimeout * (isLast ? lastAnswerFactor : 1), maxTimeoutMs);
    const startedAt = performance.now();
    try {
      const response = await this.#sender.send(
        piece ? { ...question, method: 'PUT', headers, body: piece, answerTimeout } : question,
      );
      const { status, ok } = response;
      const isQuick = performance.now() - startedAt < idleTimeout / 8;
      if (piece && isQuick) this.#pieceUnits = Math.min(maxPieceUnits, this.#pieceUnits * 2);
      // Before the last piece, Graph cannot have the whole file, whatever the answer says.
      if (ok && isLast && status !== 202) return { last: response };
      if (ok) {
        const { nextExpectedRanges } = Object(await readJson(response, signal));
        const next = Number.parseInt(String(Object(nextExpectedRanges)[0]), 10);
        // A piece beyond the end does not exist. Graph may still be busy with the last piece.
        if (next >= 0 && next < this.#size) return { next };
        return { reason: 'Graph did not say what it expects next', isStuck: Array.isArray(nextExpectedRanges) };
      }
      const isGone = status === 404 || status === 410;
      if (!isGone && !recoverableStatuses.includes(status)) throw await GraphError.from(response, signal);
      discardBody(response);
      return { reason: `Graph ${isGone ? 'ended the upload' : 'failed'} (HTTP ${status})`, isGone };
    } catch (error) {
      if (!isBreak(error)) throw error;
      const isLate = Object(error.cause).name === 'TimeoutError';
      if (piece && isLate) this.#pieceUnits = Math.max(1, Math.floor(this.#pieceUnits / 4));
      return { reason: error.message };
    }
  }

  async #readPiece(start: number, question: GraphRequest): Promise<Uint8Array<ArrayBuffer>> {
    const { input, file, before } = this.#source;
    const piece = new Uint8Array(Math.min(this.#pieceUnits * unitBytes, this.#size - start));
    let done = 0;
    while (done < piece.length) {
      const reading = input.read(piece, done, piece.length - done, start + done);
      const { bytesRead } = await reading.catch(fileFailure('read', file));
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    // If the file is unchanged after its last byte was read, all pieces are of one content.
    if (done < piece.length || (start + done === this.#size && !(await isUnchanged(file, before)))) {
      // Makes Graph drop the pieces. Best effort, because Graph drops them itself after some days.
      await this.#sender.send({ ...question, method: 'DELETE' }).then(discardBody, () => {});
      throw sourceChanged(file);
    }
    return piece;
  }
}

/** The address of a kept upload, if it is of this very content, and has not expired. A store may return anything. */
function addressOf(kept: unknown, content: Pick<UnfinishedUpload, 'size' | 'modifiedAt'>): URL | undefined {
  const { uploadUrl, expiresAt, size, modifiedAt } = Object(kept) as Partial<UnfinishedUpload>;
  const url = URL.parse(String(uploadUrl));
  const isSame = size === content.size && modifiedAt === content.modifiedAt;
  return url && isUploadAddress(url) && isSame && Number(expiresAt) > Date.now() ? url : undefined;
}

/** Whether the content may go there: the network cannot read it, and the address has no password, with which `fetch` would reject it. */
function isUploadAddress(url: URL): boolean {
  return isPrivate(url) && !url.username && !url.password;
}

/** Whether Graph would refuse a kept session in every later call, too. A full drive does not count: it may have space by then. */
function isFinal(error: unknown): boolean {
  return error instanceof GraphError && !error.retryable && error.status !== 507 && error.code !== 'notGraph';
}

function sourceChanged(file: string): GraphError {
  const message = `${file} changed while it was uploaded, and nothing was stored; upload it again when it is complete`;
  return new GraphError(message, { status: 0, code: 'sourceChanged' });
}

/** Whether the path leads to the same content as before. */
async function isUnchanged(file: string, before: BigIntStats): Promise<boolean> {
  const now = await stat(file, { bigint: true }).catch(() => undefined);
  return (['dev', 'ino', 'size', 'mtimeNs'] as const).every((field) => now?.[field] === before[field]);
}

/** Throws notGraph or RESPONSE, because a captive portal, or a proxy that blocks, answers with success, too. */
async function readItem(response: Response, signal: AbortSignal): Promise<Uploaded> {
  const copy = response.clone();
  sources.set(copy, sourceOf(response));
  const item = (await readJson(copy, signal).catch((error) => {
    // The connection ends only if neither copy is read any more.
    discardBody(response);
    throw error;
  })) as DriveItem;
  if (typeof Object(item).id === 'string') return { item, response };
  throw new GraphClientError('RESPONSE', 'Graph took the file, but did not answer with an item');
}

/** `…/root:/notes.txt` becomes `…/root:/notes.txt:/content`, and `…/items/ID` becomes `…/items/ID/content`. */
function actionUrl(item: URL, action: 'content' | 'createUploadSession'): URL {
  const url = new URL(item);
  const path = url.pathname.replace(/[:/]+$/, '');
  // Each `:/` begins or ends a path within the URL. That of a site has ended: /sites/HOST:/PATH:/drive/items/ID.
  url.pathname = path.split(':/').length % 2 === 0 ? `${path}:/${action}` : `${path}/${action}`;
  return url;
}
