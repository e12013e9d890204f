import { sourceOf } from './idle-limit.ts';
import { readText } from './read-body.ts';
import { readRetryAfter } from './retry-after.ts';

/** More than any error of Graph has. */
const maxErrorBytes = 65_536;

/** Of 5xx, those that later does not change: not implemented, the version of HTTP, insufficient storage. */
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
 * Graph answered with an error status, https://learn.microsoft.com/graph/errors, or a call has no good outcome for one of two
 * reasons of its own: `notGraph`, an answer of success that is not Graph's (`status` is that of the answer), and
 * `sourceChanged`, a file that changed while it was uploaded (`status` is 0).
 */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  /** The HTTP status. */
  readonly status: number;
  /** Graph's name for the error, for example `itemNotFound`; or `notGraph`, or `sourceChanged`. */
  declare readonly code?: string;
  /** Graph's name for the request: Microsoft's support asks for it. */
  declare readonly requestId?: string;
  /** How many milliseconds Graph asks to wait. */
  declare readonly retryAfter?: number;
  /**
   * Whether the request had the token: not after a redirect to another host, and not at an upload's address, so that a 401 from there
   * says nothing about the token. Undefined if it is not known.
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
   * Reads an error response of `GraphClient.request` into the error that the other methods throw. It reads the body, at most
   * 64 KiB of it; a body that is not Graph's JSON, or that breaks off, leaves only the status. After an abort of
   * `signal` it rejects with the signal's reason.
   */
  static async from(response: Response, signal?: AbortSignal): Promise<GraphError> {
    const content = await readText(response, signal, maxErrorBytes).catch(() => signal?.throwIfAborted());
    const { code, message, requestId } = readError(content ?? '');
    const { status, statusText, headers } = response;
    const id = headers.get('request-id') ?? requestId;
    const details = [`HTTP ${status}`, code, id && `request-id ${id}`].filter(Boolean).join(', ');
    const what = message ?? (statusText || 'it gave no reason');
    const { path, hadToken } = sourceOf(response);
    const hint = status === 404 ? sayDecoded(path) : '';
    return new GraphError(`Graph refused: ${what.replace(/\.?$/, '.')} (${details})${hint}`, {
      status,
      code,
      requestId: id,
      retryAfter: readRetryAfter(headers),
      hadToken,
    });
  }

  /** For an answer of success that cannot be Graph's, such as the page of a captive portal. */
  static notGraph({ status, headers }: Response): GraphError {
    const type = headers.get('content-type')?.replace(/;.*/, '') || 'something else';
    const message = `this answer is not Graph's: it is ${type}; look for a captive portal or a proxy that blocks`;
    return new GraphError(message, { status, code: 'notGraph' });
  }
}

/** A program that gave a name as it is, and not as a URL has it, sees here what it was taken for. */
function sayDecoded(path: string | undefined): string {
  if (!path?.includes('%')) return '';
  try {
    return `. It looked for ${JSON.stringify(decodeURIComponent(path))}`;
  } catch {
    return '';
  }
}

function readError(content: string): { code?: string; message?: string; requestId?: string } {
  const { error } = parseObject(content);
  const { code, message, innerError, innererror } = Object(error) as Record<string, unknown>;
  const { 'request-id': requestId } = Object(innerError ?? innererror) as Record<string, unknown>;
  return {
    ...(typeof code === 'string' && { code }),
    ...(typeof message === 'string' && message !== '' && { message }),
    ...(typeof requestId === 'string' && { requestId }),
  };
}

function parseObject(content: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(content));
  } catch {
    return {};
  }
}
