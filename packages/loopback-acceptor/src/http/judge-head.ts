import { type RequestHead, type Response, refusal } from './message.ts';

/** The greatest length of a form that can be an authorization response. */
const maxBodyBytes = 64 * 1_024;

const allow = 'Allow: GET, POST, OPTIONS\r\n';

/**
 * The response to a browser that asks whether it may send a request (a CORS or private network preflight): yes. A web
 * page gains nothing from that, because it cannot read the response to its request.
 */
const preflight: Response = {
  status: '204 No Content',
  headers: `${allow}Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET, POST\r\nAccess-Control-Allow-Private-Network: true\r\n`,
};

/**
 * Decides by its head whether a request can be the answer. It has to be a navigation of the browser to the exact `Host`, with its port,
 * and path of `redirectUri` (RFC 9112 section 3.2, Fetch Metadata), by GET or by POST of a form. Returns the body's bytes, or a refusal.
 */
export function judgeHead(head: RequestHead, expected: { host: string; path: string }): number | Response {
  const { host, path } = expected;
  const { method, target, headers } = head;
  if (method === 'OPTIONS') return preflight;
  // No body: a response to HEAD must not have one.
  if (method !== 'GET' && method !== 'POST') return { status: '405 Method Not Allowed', headers: allow };
  const sentHost = headers.get('host');
  if (sentHost === undefined || sentHost.includes(',')) return bad('The request needs one Host header.');
  if (sentHost !== host) return refusal('421 Misdirected Request', 'The Host is not that of the redirect URI.');
  if (!target.startsWith('/') || target.includes('#')) return bad('The request target has to be a path.');
  if (target.split('?')[0] !== path) return refusal('404 Not Found', 'There is nothing here.');
  // Chromium sends no Sec-Fetch-Dest when it opens a WebSocket.
  const isWebSocket = /\bwebsocket\b/i.test(headers.get('upgrade') ?? '');
  if (isWebSocket || (headers.get('sec-fetch-dest') ?? 'document') !== 'document') {
    return refusal('403 Forbidden', 'An authorization response is a page, not a part of one.');
  }
  if (method === 'POST') return judgePost(head);
  const hasBody = headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0';
  return hasBody ? bad('A GET request has no body.') : 0;
}

function judgePost({ target, headers }: RequestHead): number | Response {
  if (target.includes('?')) return bad('A POST has its parameters in its body and has no query.');
  const length = headers.get('content-length');
  if (length === undefined) return refusal('411 Length Required', 'The request needs a Content-Length.');
  if (headers.has('transfer-encoding') || !/^\d{1,15}$/.test(length)) {
    return bad('The body needs a Content-Length that is one number, and no Transfer-Encoding.');
  }
  if (Number(length) > maxBodyBytes) return refusal('413 Content Too Large', 'The form is too large.');
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded' || headers.has('content-encoding')) {
    return refusal('415 Unsupported Media Type', 'The body has to be application/x-www-form-urlencoded.');
  }
  return Number(length);
}

function bad(reason: string): Response {
  return refusal('400 Bad Request', reason);
}
