import type { IncomingMessage } from 'node:http';
import { preflight, type Refusal } from './refusal.ts';

/** What an authorization response's body may weigh, in bytes. */
const maxBodySize = 64 * 1_024;

/** Where `redirectUri` points to. */
export interface Target {
  /** As in the `Host` header. */
  host: string;
  path: string;
}

/**
 * Why a request cannot be the answer, as far as its head tells: RFC 9112 section 3.2 for the target and `Host`, Fetch
 * Metadata for what the browser wants it for, and the two forms that an authorization response comes in. Undefined where it can.
 */
export function refuseHead(request: IncomingMessage, target: Target): Refusal | undefined {
  if (request.method === 'OPTIONS') return preflight;
  return refuseTarget(request, target) ?? (request.method === 'GET' ? refuseGet(request) : refusePost(request));
}

function refuseTarget({ url = '', method, headers, rawHeaders }: IncomingMessage, target: Target): Refusal | undefined {
  // Node keeps the first of several Host headers and drops the others.
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts !== 1) return { status: 400, reason: 'The request needs one Host header.' };
  if (headers.host !== target.host) return { status: 421, reason: 'The Host is not that of the redirect URI.' };
  if (!url.startsWith('/') || url.includes('#')) {
    return { status: 400, reason: 'The request target has to be a path.' };
  }
  if (splitTarget(url).path !== target.path) return { status: 404, reason: 'There is nothing here.' };
  if (method !== 'GET' && method !== 'POST') return { status: 405, reason: 'Only GET and POST are answered.' };
  if ((headers['sec-fetch-dest'] ?? 'document') !== 'document') {
    return { status: 403, reason: 'An authorization response is a page, not a part of one.' };
  }
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    return { status: 417, reason: 'Only 100-continue can be expected.' };
  }
  return undefined;
}

function refuseGet({ url = '', headers }: IncomingMessage): Refusal | undefined {
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    return { status: 400, reason: 'A GET request has no body.' };
  }
  if (!splitTarget(url).query) return { status: 400, reason: 'An authorization response has parameters.' };
  return undefined;
}

function refusePost({ url = '', headers }: IncomingMessage): Refusal | undefined {
  if (splitTarget(url).query !== undefined) {
    return { status: 400, reason: 'The parameters of a POST belong into its body, without a query.' };
  }
  if (headers['transfer-encoding'] !== undefined || headers['content-length'] === undefined) {
    return { status: 411, reason: 'The request needs a Content-Length.' };
  }
  if (Number(headers['content-length']) > maxBodySize) {
    return { status: 413, reason: 'The request is larger than any authorization response.' };
  }
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded' || headers['content-encoding'] !== undefined) {
    return { status: 415, reason: 'The body has to be application/x-www-form-urlencoded.' };
  }
  return undefined;
}

/** `query` is without its question mark, and undefined where there is none. */
export function splitTarget(url: string): { path: string; query: string | undefined } {
  const mark = url.indexOf('?');
  return mark === -1 ? { path: url, query: undefined } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}
