import { STATUS_CODES } from 'node:http';

/** What a request gets that is not the answer: nothing in it comes from the request. */
export interface Refusal {
  status: number;
  /** A fixed sentence for whoever reads the response. */
  reason: string;
}

/** What a policy has to forbid besides `default-src`. */
export const noOutside = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** On every response: nothing is stored, sniffed, framed, run or passed on. */
export const commonHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': `default-src 'none'; ${noOutside}`,
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  Connection: 'close',
};

const allow = { Allow: 'GET, POST, OPTIONS' };

/**
 * What a browser gets that asks before it sends (a CORS or private network preflight), so that it goes on. No page gains by
 * it: the responses proper allow no other origin to read them.
 */
export const preflight: Refusal = { status: 204, reason: '' };

const extraHeaders: Record<number, Record<string, string>> = {
  204: {
    ...allow,
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': 'GET, POST',
    'Access-Control-Allow-Private-Network': 'true',
  },
  405: allow,
};

/** By reason. There are some twenty, however many requests come. */
const formatted = new Map<string, Buffer>();

/**
 * A refusal as the bytes of its response. They are made once: ten thousand responses of node:http are megabytes of garbage.
 * Without body for HEAD.
 */
export function formatRefusal(refusal: Refusal, method?: string): Buffer {
  const { status, reason } = refusal;
  const bytes = formatted.get(reason) ?? Buffer.from(format(status, reason && `${reason}\n`));
  formatted.set(reason, bytes);
  return method === 'HEAD' ? bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4) : bytes;
}

function format(status: number, text: string): string {
  const headers = {
    ...commonHeaders,
    ...(text && { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': text.length }),
    ...extraHeaders[status],
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${text}`;
}
