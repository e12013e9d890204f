import { GraphClientError } from '../graph-client-error.ts';
import { GraphError } from '../request/graph-error.ts';
import type { GraphRequest } from '../request/graph-request.ts';
import { readBody } from '../request/read-body.ts';
import type { RequestSender } from '../request/request-sender.ts';
import { Destination } from './destination.ts';
import type { TransferProgress } from './transfer-options.ts';

// This folder moves the content of files. What a single request needs is in ../request.

/** How many times in a row the connection may break without a new byte. */
const maxBreaks = 5;

interface Download {
  readonly sender: RequestSender;
  readonly request: GraphRequest;
  /** The answer to the first request: later ones must continue it. */
  readonly first: Response;
  readonly destination: Destination;
  readonly onProgress: ((progress: TransferProgress) => void) | undefined;
}

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
    await using destination = await Destination.open(file);
    const bytes = await receive({ sender, request: whole, first, destination, onProgress });
    await destination.complete();
    return bytes;
  } finally {
    await first.body?.cancel().catch(() => {});
  }
}

async function receive({ sender, request, first, destination, onProgress }: Download): Promise<number> {
  let response: Response | undefined = first;
  let done = 0;
  for (let breaks = 0; ; ) {
    const before = done;
    try {
      response ??= await requestRest(sender, request, first, done);
      const total = totalOf(response, done);
      const report = (): void => onProgress?.({ done, ...(total !== undefined && { total }) });
      report();
      for await (const chunk of readBody(response, request.signal)) {
        await destination.write(chunk);
        done += chunk.length;
        report();
      }
      return done;
    } catch (error) {
      if (!isBreak(error)) throw error;
      breaks = done > before ? 1 : breaks + 1;
      if (breaks === maxBreaks || !isResumable(first)) {
        throw new GraphClientError('CONNECTION', `the connection broke after ${done} bytes`, { cause: error });
      }
    }
    response = undefined;
    await sender.wait({ attempt: breaks, reason: 'The connection broke' }, request.signal);
  }
}

/** Whether the connection broke, or the one that `getToken` uses: its error then has `retryable: true`. */
function isBreak(error: unknown): boolean {
  if (error instanceof GraphClientError) return error.code === 'CONNECTION';
  if (error instanceof GraphError) return false;
  return error instanceof Error && 'retryable' in error && error.retryable === true;
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
  const response = await sender.sendSuccessfully({ ...request, headers });
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (response.status === 206 && Number(start) === done) return response;
  await response.body?.cancel();
  throw new GraphClientError('CHANGED', 'the file changed while it was downloaded');
}

/** Only a strong tag says that the rest belongs to what is here (RFC 9110 section 13.1.5). */
function isResumable({ status, headers }: Response): boolean {
  return status === 200 && !headers.has('content-encoding') && headers.get('etag')?.startsWith('"') === true;
}

/** The bytes of the whole file, of which `done` came before this response. */
function totalOf({ headers }: Response, done: number): number | undefined {
  const length = headers.get('content-length');
  return length === null || headers.has('content-encoding') ? undefined : done + Number(length);
}
