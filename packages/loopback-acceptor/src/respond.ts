import { type ServerResponse, STATUS_CODES } from 'node:http';

/** What a request gets that is not the answer: nothing in it comes from the request. */
export interface Refusal {
  status: number;
  /** A fixed sentence for whoever reads the response. */
  reason: string;
}

/** What a policy has to forbid besides `default-src`. */
export const noOutside = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const allowed = 'GET, POST, OPTIONS';

/** On every response: nothing is stored, sniffed, framed, run or passed on. */
export const commonHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': `default-src 'none'; ${noOutside}`,
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  Connection: 'close',
};

/**
 * What a browser gets that asks before it sends (a CORS or private network preflight), so that it goes on. No page gains by
 * it: the responses proper allow no other origin to read them.
 */
export const preflight: Refusal = { status: 204, reason: '' };

const extraHeaders: Record<number, Record<string, string>> = {
  204: {
    Allow: allowed,
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': 'GET, POST',
    'Access-Control-Allow-Private-Network': 'true',
  },
  405: { Allow: allowed },
};

/** Refuses a request. Its body, if any, is read and thrown away. */
export function refuse(response: ServerResponse, { status, reason }: Refusal): void {
  const text = reason && `${reason}\n`;
  response.writeHead(status, {
    ...commonHeaders,
    ...(text && { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(text) }),
    ...extraHeaders[status],
  });
  response.end(text);
}

/** A refusal as bytes, for what was no HTTP request. */
export function formatRefusal(status: number): string {
  const headers = { ...commonHeaders, 'Content-Length': 0 };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', ''].join('\r\n');
}
