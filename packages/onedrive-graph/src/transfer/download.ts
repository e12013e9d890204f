import type { DriveItem } from '../drive-item.ts';
import { GraphClientError } from '../graph-client-error.ts';
import { discardBody, readBody } from '../request/exchange.ts';
import { GraphError, isPage, readJson, refusePage } from '../request/graph-error.ts';
import type { GraphRequest } from '../request/graph-request.ts';
import { isBreak, type RequestSender } from '../request/request-sender.ts';
import { Destination } from './destination.ts';
import { contentIdOf } from './part-file.ts';
import type { TransferProgress } from './transfer-options.ts';

// This folder moves the content of files. The code for single requests is in ../request.

/** How many times in a row the connection may break without a new byte. */
const maxBreaks = 5;

/** The request for a whole file, and the first answer to it. */
type Begun = { sender: RequestSender; request: GraphRequest; first: Response };

/**
 * Saves Graph's answer as `file`; returns its size in bytes. If the connection breaks, requests the rest. Throws
 * GraphError, GraphClientError, the signal's reason.
 */
export async function download(
  sender: RequestSender,
  request: GraphRequest,
  file: string,
  onProgress?: (progress: TransferProgress) => void,
): Promise<number> {
  const headers = new Headers(request.headers);
  // The rest of a compressed answer cannot be requested: its length differs from the file's.
  headers.set('accept-encoding', 'identity');
  const whole = { ...request, headers };
  const first = await sender.sendSuccessfully(whole);
  try {
    // With 202 or 204, for example, there is no file, and an empty file must not replace the old one.
    if (first.status !== 200 && !(first.status === 206 && headers.has('range'))) {
      throw new GraphClientError('RESPONSE', `Graph did not answer with the file (HTTP ${first.status})`);
    }
    if (isPage(first.headers.get('content-type'))) await checkPage(sender, request, first);
    const total = totalOf(first);
    const etag = tagOf(first);
    const contentId = etag && total !== undefined ? contentIdOf(request.url, etag, total) : undefined;
    await using destination = await Destination.open(file, contentId, request.signal);
    let done = destination.length;
    try {
      for await (const chunk of readPieces({ sender, request: whole, first }, done)) {
        await destination.write(chunk, done);
        done += chunk.length;
        onProgress?.({ done, ...(total !== undefined && { total }) });
      }
      await destination.complete();
      return done;
    } catch (error) {
      const isInterrupted = isBreak(error) || (error instanceof GraphError && error.retryable);
      destination.isPartKept = contentId !== undefined && done > 0 && (isInterrupted || request.signal.aborted);
      throw error;
    }
  } finally {
    discardBody(first);
  }
}

/** A page of HTML comes from a captive portal or a proxy that blocks, unless the item itself is such a page. Throws notGraph. */
async function checkPage(sender: RequestSender, request: GraphRequest, page: Response): Promise<void> {
  refusePage(request.url, page);
  const url = new URL(request.url);
  url.pathname = url.pathname.replace(/:?\/[^/]*$/, '');
  url.search = '?$select=size,file';
  const answer = await sender.send({ ...request, url });
  const error = answer.ok ? undefined : await GraphError.from(answer, request.signal);
  // Graph itself answers with an error, for example for a page of OneNote: no portal is in the way.
  if (error?.code !== undefined) return;
  if (error) throw error;
  const { size, file } = Object(await readJson(answer, request.signal)) as Partial<DriveItem>;
  // Graph converts a file if the query asks for another format.
  if (request.url.searchParams.has('format')) return;
  const total = page.status === 200 ? totalOf(page) : undefined;
  const isOther = file?.mimeType !== undefined && !isPage(file.mimeType);
  if (isOther || (total ?? size) !== (size ?? total)) throw GraphError.notGraph(page);
}

/**
 * The file, piece by piece, over as many connections as it takes. An empty piece comes first, and again after each break. A
 * generator does not see the errors of its reader, so it cannot take them for a broken connection.
 */
async function* readPieces(begun: Begun, from: number): AsyncGenerator<Uint8Array, void> {
  const { sender, request, first } = begun;
  let total = totalOf(first);
  let response: Response | undefined = from === 0 ? first : undefined;
  let done = from;
  for (let breaks = 0; ; ) {
    const before = done;
    try {
      if (done === total) return yield new Uint8Array();
      if (!response) {
        response = await requestRest(begun, done);
        // A rest may end before the end of the file.
        total ??= sizeOf(response);
      }
      yield new Uint8Array();
      // A 416: the break came after the last byte.
      if (done === total) return;
      // If the whole file comes instead of the rest, the known bytes are skipped: a proxy may have removed the range.
      let known = response.status === 200 ? done : 0;
      for await (const chunk of readBody(response, request.signal)) {
        const piece = chunk.subarray(known);
        known -= chunk.length - piece.length;
        yield piece;
        done += piece.length;
      }
      if (total === undefined || done === total) return;
      if (done < total) throw new GraphClientError('CONNECTION', 'the answer ended early');
      throw new GraphClientError('RESPONSE', `Graph sent more than the ${total} bytes that it announced`);
    } catch (error) {
      if (!isBreak(error)) throw error;
      breaks = done > before ? 1 : breaks + 1;
      if (breaks === maxBreaks || tagOf(first) === undefined) {
        throw new GraphClientError('CONNECTION', `${error.message} after ${done} bytes`, { cause: error });
      }
      await sender.wait({ attempt: breaks, reason: error.message }, request.signal);
    } finally {
      // The reader of the pieces may have ended before the body was read.
      if (response) discardBody(response);
    }
    response = undefined;
  }
}

/** The bytes from `done` on of the same file, or the whole file again. */
async function requestRest({ sender, request, first }: Begun, done: number): Promise<Response> {
  const etag = tagOf(first) ?? null;
  const wanted = new Headers(request.headers);
  wanted.set('range', `bytes=${done}-`);
  wanted.set('if-range', String(etag));
  const response = await sender.send({ ...request, headers: wanted });
  const { ok, status, headers } = response;
  if (!ok && status !== 416) throw await GraphError.from(response, request.signal);
  const tag = headers.get('etag');
  // A rest without a tag is of the same version, too: for another version, If-Range brings the whole file.
  const total = totalOf(first);
  const range = new RegExp(`^bytes ${done}-\\d+/${total === undefined ? '\\d+' : `(${total}|\\*)`}$`);
  const given = String(headers.get('content-range'));
  const isRest = status === 206 && range.test(given);
  const isAtEnd = status === 416 && total === undefined && given === `bytes */${done}`;
  if ((isRest || isAtEnd) && (tag ?? etag) === etag) return response;
  if (status === 200 && tag === etag) return response;
  discardBody(response);
  throw new GraphClientError('CHANGED', 'the file changed while it was downloaded');
}

/** The tag for requests of the rest. Only a strong tag shows that the rest belongs to the known bytes (RFC 9110 section 13.1.5). */
function tagOf({ status, headers }: Response): string | undefined {
  const tag = headers.get('etag');
  return status === 200 && !headers.has('content-encoding') && tag?.startsWith('"') ? tag : undefined;
}

/** How many bytes the first answer announces: of the file, or of the part that the caller asked for. */
function totalOf({ headers }: Response): number | undefined {
  const length = headers.has('content-encoding') ? null : headers.get('content-length');
  return length === null ? undefined : Number(length);
}

/** The size of the whole file, as the answer to a request for a range says it. */
function sizeOf({ headers }: Response): number | undefined {
  const size = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
  return size === undefined ? undefined : Number(size);
}
