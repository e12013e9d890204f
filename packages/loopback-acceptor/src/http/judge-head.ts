import type { RequestHead } from './request-head.ts';
import { preflight, type Refusal } from './response.ts';

/** The greatest length of a form that can be an authorization response. */
const maxBodyBytes = 64 * 1_024;

/** The host and path of `redirectUri`. */
export interface Target {
  /** As in the `Host` header, with the port. */
  host: string;
  path: string;
}

/**
 * Decides by its head whether a request can be the answer: a navigation of the browser to the exact `Host` and path (RFC 9112
 * section 3.2, Fetch Metadata), by GET or by POST of a form. Returns the size of the body in bytes, or a refusal.
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
  // Chromium sends no Sec-Fetch-Dest when it opens a WebSocket.
  const isWebSocket = /\bwebsocket\b/i.test(headers.get('upgrade') ?? '');
  if (isWebSocket || (headers.get('sec-fetch-dest') ?? 'document') !== 'document') {
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
    return { status: 400, reason: 'A POST has its parameters in its body and has no query.' };
  }
  const length = headers.get('content-length');
  if (length === undefined) return { status: 411, reason: 'The request needs a Content-Length.' };
  if (headers.has('transfer-encoding') || !/^\d{1,15}$/.test(length)) {
    return { status: 400, reason: 'The body needs a Content-Length that is one number, and no Transfer-Encoding.' };
  }
  if (Number(length) > maxBodyBytes) {
    return { status: 413, reason: 'The request is larger than any authorization response.' };
  }
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded' || headers.has('content-encoding')) {
    return { status: 415, reason: 'The body has to be application/x-www-form-urlencoded.' };
  }
  return Number(length);
}

/** `query` comes without its question mark. It is undefined if there is no question mark. */
export function splitTarget(target: string): { path: string; query: string | undefined } {
  const mark = target.indexOf('?');
  return mark === -1
    ? { path: target, query: undefined }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}
