/** Node's own client, which loads in a tenth of the time that undici takes. It knows no proxies. */
import type { IncomingMessage } from 'node:http';

/** A form to post. Each has a connection of its own: a kept-alive one, which the server is about to close, could lose it. */
export interface FormPost {
  readonly url: URL;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** The answer to a posted form. Redirects are not followed. */
export interface HttpAnswer {
  readonly status: number;
  /** What `Retry-After` asks for, in milliseconds. */
  readonly retryAfter: number | undefined;
  /** undefined if it was longer than `maxBodyBytes`. */
  readonly body: string | undefined;
}

/** A token response has a few kilobytes. */
const maxBodyBytes = 2 ** 20;

export const formHeaders = {
  accept: 'application/json',
  // Without it any coding would be allowed (RFC 9110 section 12.5.3).
  'accept-encoding': 'identity',
  'content-type': 'application/x-www-form-urlencoded',
};

/** Rejects with any error; the system call that failed says whether the request can have left. */
export async function postForm({ url, body, signal }: FormPost): Promise<HttpAnswer> {
  // An import of node:http evaluates all that it exports: WebSocket, for example, which takes as long as Node's own start.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  const headers = { ...formHeaders, 'content-length': Buffer.byteLength(body) };
  const sent = request(url, { method: 'POST', headers, agent: false, signal }).end(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).on('error', reject);
    // Without an error: an answer that changes the protocol, for example.
    sent.once('close', () => reject(new Error('the connection was closed without an answer')));
  });
  const { statusCode: status = 0, headers: answered } = response;
  return { status, retryAfter: readRetryAfter(answered['retry-after'], answered.date), body: await readText(response) };
}

/** The text of a body. Undefined as soon as it is longer than `maxBodyBytes`. */
export async function readText(body: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The header has seconds or a date (RFC 9110 section 10.2.3). Undefined if it is missing, or is neither. `date` is the answer's own, because
 * the clock of this machine may be wrong.
 */
export function readRetryAfter(header: string | undefined, date: string | undefined): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const instant = readDate(value);
  return Number.isNaN(instant) ? undefined : Math.max(0, instant - (readDate(date) || Date.now()));
}

/** NaN if it is none: Date.parse() takes almost any text for a date. */
function readDate(text = ''): number {
  return /^[A-Z][a-z]+, .+ GMT$/.test(text) ? Date.parse(text) : Number.NaN;
}
