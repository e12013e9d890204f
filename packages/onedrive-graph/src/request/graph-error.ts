import { maxTimeoutMs, readBody, sourceOf } from './exchange.ts';

/** More than any error of Graph has. */
const maxErrorBytes = 65_536;
/** The 5xx statuses for which a retry does not help: not implemented, the version of HTTP, insufficient storage. */
const permanentStatuses = [501, 505, 507];

/** What is known about an error answer besides its message. */
export interface GraphErrorDetails {
  status: number;
  code?: string | undefined;
  requestId?: string | undefined;
  retryAfter?: number | undefined;
  hadToken?: boolean | undefined;
}

/**
 * Graph answered with an error status, https://learn.microsoft.com/graph/errors. Or the call failed with one of two codes of
 * this package: `notGraph`, an answer of success that is not Graph's (`status` is that of the answer), or `sourceChanged`, a
 * file that changed while it was uploaded (`status` is 0).
 */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  /** The HTTP status. */
  readonly status: number;
  /** Graph's name for the error, for example `itemNotFound`; or `notGraph`, or `sourceChanged`. */
  declare readonly code?: string;
  /** Graph's id of the request: Microsoft's support asks for it. */
  declare readonly requestId?: string;
  /** How many milliseconds Graph asks to wait. */
  declare readonly retryAfter?: number;
  /**
   * Whether the request had the token. False after a redirect to another host, and for an upload's address: a 401 from there says nothing
   * about the token. Undefined if this is unknown.
   */
  declare readonly hadToken?: boolean;
  /** True if the same request may succeed later: 429 and every 5xx but 501, 505 and 507 (the drive is full). */
  readonly retryable: boolean;

  constructor(message: string, { status, code, requestId, retryAfter, hadToken }: GraphErrorDetails) {
    // Graph's text ends up on terminals and in log files, and could otherwise forge lines there.
    super(message.replace(/\p{Cc}+/gu, ' '));
    this.status = status;
    this.retryable = status === 429 || (status >= 500 && !permanentStatuses.includes(status));
    if (code !== undefined) this.code = code;
    if (requestId !== undefined) this.requestId = requestId;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
    if (hadToken !== undefined) this.hadToken = hadToken;
  }

  /**
   * Turns an error response of `GraphClient.request` into the error that the other methods throw. Reads at most 64 KiB of the
   * body. From a body that is not Graph's JSON, or that breaks off, the error has only the status. After an abort of `signal`,
   * rejects with the signal's reason.
   */
  static async from(response: Response, signal?: AbortSignal): Promise<GraphError> {
    const answer = await readJson(response, signal).catch(() => signal?.throwIfAborted());
    const { code, message, innerError, innererror } = Object(Object(answer).error);
    const { status, statusText, headers } = response;
    const { path, hadToken } = sourceOf(response);
    const details = {
      status,
      code: textOf(code),
      requestId: headers.get('request-id') ?? textOf(Object(innerError ?? innererror)['request-id']),
      retryAfter: readRetryAfter(headers),
      hadToken,
    };
    const id = details.requestId && `request-id ${details.requestId}`;
    const what = (textOf(message) ?? (statusText || 'it gave no reason')).replace(/\.?$/, '.');
    const facts = [`HTTP ${status}`, details.code, id].filter(Boolean).join(', ');
    return new GraphError(`Graph refused: ${what} (${facts})${status === 404 ? sayDecoded(path) : ''}`, details);
  }

  /** For an answer of success that cannot be Graph's, such as the page of a captive portal. `what`: default its type. */
  static notGraph({ status, headers }: Response, what = headers.get('content-type')?.replace(/;.*/, '')): GraphError {
    const message = `this answer is not Graph's: it is ${what || 'something else'}; look for a captive portal or a proxy that blocks`;
    return new GraphError(message, { status, code: 'notGraph' });
  }
}

/** The decoded path, for a program that did not encode a name: the message shows the name that Graph looked for. */
function sayDecoded(path = ''): string {
  try {
    return path.includes('%') ? `. It looked for ${JSON.stringify(decodeURIComponent(path))}` : '';
  } catch {
    return '';
  }
}

/** The parsed JSON of a response; undefined if the body is empty. Throws as `readBody` does, and notGraph if the body is not JSON. */
export async function readJson(response: Response, signal?: AbortSignal): Promise<unknown> {
  const decoder = new TextDecoder();
  let content = '';
  let left = response.ok ? Number.POSITIVE_INFINITY : maxErrorBytes;
  for await (const chunk of readBody(response, signal)) {
    content += decoder.decode(chunk.subarray(0, left), { stream: true });
    left -= chunk.length;
    if (left <= 0) break;
  }
  try {
    return content === '' ? undefined : JSON.parse(content);
  } catch {
    // Without a cause, because that would quote the answer.
    throw GraphError.notGraph(response);
  }
}

/**
 * Refuses a page of HTML where Graph has none: only the content of a file, and a `$value`, can be one. Anywhere else it comes
 * from a captive portal or a proxy that blocks.
 *
 * @throws {GraphError} notGraph
 */
export function refusePage({ pathname }: URL, response: Response): void {
  if (isPage(response.headers.get('content-type')) && !/\/(content|\$value)$/.test(pathname)) {
    throw GraphError.notGraph(response);
  }
}

/** Whether a media type is that of a page for a browser. */
export function isPage(type: unknown): boolean {
  return /^(text\/html|application\/xhtml\+xml)\b/i.test(String(type));
}

/**
 * How many milliseconds a `Retry-After` header asks to wait. The header has seconds or a date (RFC 9110 section 10.2.3). The date
 * counts by the server's clock, if the answer has a `Date`. At most what a timer can wait: with more, it would fire at once.
 * Undefined if there is no header, or if it has neither.
 */
export function readRetryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? '';
  // Date.parse() makes a date of almost anything.
  const instant = / GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  const now = Date.parse(headers.get('date') ?? '') || Date.now();
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Math.max(0, instant - now);
  return Number.isNaN(wait) ? undefined : Math.min(wait, maxTimeoutMs);
}

/** Undefined for a value that is not a text, and for an empty text. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
