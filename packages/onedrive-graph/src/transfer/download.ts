import type { DriveItem } from '../drive-item.ts';
import { GraphClientError } from '../graph-client-error.ts';
import { GraphError } from '../request/graph-error.ts';
import type { GraphRequest } from '../request/graph-request.ts';
import { isTimeout } from '../request/idle-limit.ts';
import { isError } from '../request/is-error.ts';
import { discardBody, readBody } from '../request/read-body.ts';
import { isPage, readJson, refusePage } from '../request/read-json.ts';
import type { RequestSender } from '../request/request-sender.ts';
import { Destination } from './destination.ts';
import { contentIdOf } from './part-file.ts';
import type { TransferProgress } from './transfer-options.ts';

// This folder moves the content of files. What a single request needs is in ../request.

/** How many times in a row the connection may break without a new byte. */
const maxBreaks = 5;

/**
 * Saves what Graph answers as `file`; returns its size in bytes. If the connection breaks, asks for the rest. Throws
 * GraphError, GraphClientError, the signal's reason.
 */
export async function download(
  sender: RequestSender,
  { headers, ...request }: GraphRequest,
  file: string,
  onProgress?: (progress: TransferProgress) => void,
): Promise<number> {
  const uncompressed = new Headers(headers);
  // The rest of a compressed answer cannot be requested: its length differs from the file's.
  uncompressed.set('accept-encoding', 'identity');
  const whole = { ...request, headers: uncompressed };
  const first = await sender.sendSuccessfully(whole);
  try {
    // With 202 or 204, for example, there is no file, and an empty one must not replace what is there.
    if (first.status !== 200 && !(first.status === 206 && uncompressed.has('range'))) {
      throw new GraphClientError('RESPONSE', `Graph did not answer with the file (HTTP ${first.status})`);
    }
    if (isPage(first.headers.get('content-type')))
      await checkPage(sender, { ...request, headers: new Headers(headers) }, first);
    const total = totalOf(first);
    const etag = isResumable(first) ? first.headers.get('etag') : null;
    const contentId = etag && total !== undefined ? contentIdOf(request.url, etag, total) : undefined;
    await using destination = await Destination.open(file, { contentId, signal: request.signal });
    if (total !== undefined && destination.length > total) {
      throw new GraphClientError('CHANGED', `what an earlier download has left of ${file} is too long`);
    }
    let done = destination.length;
    try {
      for await (const chunk of readPieces(sender, whole, first, done)) {
        await destination.write(chunk);
        done += chunk.length;
        onProgress?.({ done, ...(total !== undefined && { total }) });
      }
      await destination.complete();
      return done;
    } catch (error) {
      const isInterrupted = isBreak(error) || (error instanceof GraphError && error.retryable);
      if (contentId !== undefined && done > 0 && (isInterrupted || request.signal.aborted)) destination.keepPart();
      throw error;
    }
  } finally {
    discardBody(first);
  }
}

/** A page of HTML comes from a captive portal or a proxy that blocks, unless the item itself is one. Throws notGraph. */
async function checkPage(sender: RequestSender, request: GraphRequest, page: Response): Promise<void> {
  refusePage(request.url, page);
  const url = new URL(request.url);
  url.pathname = url.pathname.replace(/:?\/content$/, '');
  if (url.pathname === request.url.pathname) return;
  url.search = '?$select=size,file';
  const answer = await sender.send({ ...request, url });
  const error = answer.ok ? undefined : await GraphError.from(answer, request.signal);
  // Graph itself says that it cannot tell, for example of a page of OneNote: no portal is in the way.
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
 * The file, piece by piece, over as many connections as it takes. An empty piece comes first, and again after each break. As
 * a generator it does not see what its reader throws, so it cannot take that for a broken connection.
 */
async function* readPieces(
  sender: RequestSender,
  request: GraphRequest,
  first: Response,
  from: number,
): AsyncGenerator<Uint8Array, void> {
  const total = totalOf(first);
  let response: Response | undefined = from === 0 ? first : undefined;
  let done = from;
  for (let breaks = 0; ; ) {
    const before = done;
    try {
      if (done === total) return yield new Uint8Array();
      response ??= await requestRest(sender, request, first, done);
      yield new Uint8Array();
      // What is here is left out if the whole file comes instead of its rest: a proxy may have removed the range.
      let known = response.status === 200 ? done : 0;
      for await (const chunk of readBody(response, request.signal)) {
        const piece = chunk.subarray(known);
        known -= chunk.length - piece.length;
        yield piece;
        done += piece.length;
      }
      if (total === undefined || done === total) return;
      const sizes = `${done} of ${total} bytes`;
      if (done > total) throw new GraphClientError('RESPONSE', `Graph sent more than it announced: ${sizes}`);
      throw new GraphClientError('CONNECTION', `the answer ended after ${sizes}`);
    } catch (error) {
      if (!isBreak(error)) throw error;
      breaks = done > before ? 1 : breaks + 1;
      if (breaks === maxBreaks || !isResumable(first)) {
        const what = isTimeout(error) ? error.message : `the connection to ${request.url.host} broke`;
        throw new GraphClientError('CONNECTION', `${what} after ${done} bytes`, { cause: error });
      }
      const reason = isTimeout(error) ? 'Nothing came any more' : 'The connection broke';
      await sender.wait({ attempt: breaks, reason }, request.signal);
    }
    response = undefined;
  }
}

/** Whether the connection broke, or the one that `getToken` uses: its error then has `retryable: true`. */
function isBreak(error: unknown): boolean {
  if (error instanceof GraphClientError) return error.code === 'CONNECTION' && error.retryable;
  if (error instanceof GraphError) return false;
  return isError(error) && 'retryable' in error && error.retryable === true;
}

async function requestRest(
  sender: RequestSender,
  request: GraphRequest,
  first: Response,
  done: number,
): Promise<Response> {
  const headers = new Headers(request.headers);
  headers.set('range', `bytes=${done}-`);
  headers.set('if-range', first.headers.get('etag') ?? '');
  const response = await sender.send({ ...request, headers });
  const { status } = response;
  if (!response.ok && status !== 416) throw await GraphError.from(response, request.signal);
  if (status === 206 && isRestOf(first, response, done)) return response;
  if (status === 200 && isSameVersion(first, response)) return response;
  discardBody(response);
  throw new GraphClientError('CHANGED', 'the file changed while it was downloaded');
}

function isRestOf(first: Response, rest: Response, done: number): boolean {
  const [, start, size] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(rest.headers.get('content-range') ?? '') ?? [];
  const total = totalOf(first);
  const isSameSize = size === '*' || total === undefined || Number(size) === total;
  // Without a tag it is of the same version too: otherwise If-Range brings the whole file.
  const isSameTag = !rest.headers.has('etag') || isSameVersion(first, rest);
  return isSameTag && Number(start) === done && isSameSize;
}

function isSameVersion(first: Response, later: Response): boolean {
  return later.headers.get('etag') === first.headers.get('etag');
}

/** Only a strong tag says that the rest belongs to what is here (RFC 9110 section 13.1.5). */
function isResumable({ status, headers }: Response): boolean {
  return status === 200 && !headers.has('content-encoding') && headers.get('etag')?.startsWith('"') === true;
}

/** How many bytes the first answer announces: of the file, or of the part that the caller asked for. */
function totalOf({ headers }: Response): number | undefined {
  if (headers.has('content-encoding')) return undefined;
  const length = headers.get('content-length');
  if (length !== null) return Number(length);
  const [, start, end] = /^bytes (\d+)-(\d+)\//.exec(headers.get('content-range') ?? '') ?? [];
  return end === undefined ? undefined : Number(end) - Number(start) + 1;
}
