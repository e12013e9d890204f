import { preflight, type Refusal } from './refusal.ts';
import type { RequestHead } from './request-head.ts';

/** What an authorization response's body may weigh, in bytes. */
const maxBodySize = 64 * 1_024;

/** Where `redirectUri` points to. */
export interface Target {
  /** As in the `Host` header. */
  host: string;
  path: string;
}

/**
 * Whether a request can be the answer, as far as its head tells: RFC 9112 section 3.2 for the target and `Host`, Fetch
 * Metadata for what the browser wants it for, and the two forms that an authorization response comes in. Gives the size of
 * the body in bytes, or why it cannot.
 */
export function judgeHead(head: RequestHead, target: Target): number | Refusal {
  if (head.method === 'OPTIONS') return preflight;
  return refuseTarget(head, target) ?? (head.method === 'GET' ? judgeGet(head) : judgePost(head));
}

function refuseTarget({ method, target, headers }: RequestHead, { host, path }: Target): Refusal | undefined {
  const sentHost = headers.get('host');
  if (sentHost === undefined || sentHost.includes(',')) {
    return { status: 400, reason: 'The request needs one Host header.' };
  }
  if (sentHost !== host) return { status: 421, reason: 'The Host is not that of the redirect URI.' };
  if (!target.startsWith('/') || target.includes('#')) {
    return { status: 400, reason: 'The request target has to be a path.' };
  }
  if (splitTarget(target).path !== path) return { status: 404, reason: 'There is nothing here.' };
  if (method !== 'GET' && method !== 'POST') return { status: 405, reason: 'Only GET and POST are answered.' };
  if ((headers.get('sec-fetch-dest') ?? 'document') !== 'document') {
    return { status: 403, reason: 'An authorization response is a page, not a part of one.' };
  }
  if ((headers.get('expect') ?? '100-continue').toLowerCase() !== '100-continue') {
    return { status: 417, reason: 'Only 100-continue can be expected.' };
  }
  return undefined;
}

function judgeGet({ headers }: RequestHead): number | Refusal {
  if (headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0') {
    return { status: 400, reason: 'A GET request has no body.' };
  }
  return 0;
}

function judgePost({ target, headers }: RequestHead): number | Refusal {
  if (splitTarget(target).query !== undefined) {
    return { status: 400, reason: 'The parameters of a POST belong into its body, without a query.' };
  }
  const length = headers.get('content-length');
  if (length === undefined) return { status: 411, reason: 'The request needs a Content-Length.' };
  if (headers.has('transfer-encoding') || !/^\d{1,15}$/.test(length)) {
    return { status: 400, reason: 'The Content-Length has to be one number, and the only length.' };
  }
  if (Number(length) > maxBodySize) {
    return { status: 413, reason: 'The request is larger than any authorization response.' };
  }
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded' || headers.has('content-encoding')) {
    return { status: 415, reason: 'The body has to be application/x-www-form-urlencoded.' };
  }
  return Number(length);
}

/** `query` is without its question mark, and undefined where there is none. */
export function splitTarget(target: string): { path: string; query: string | undefined } {
  const mark = target.indexOf('?');
  return mark === -1
    ? { path: target, query: undefined }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}
