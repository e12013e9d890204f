/** Node's own client, which loads in a tenth of the time that undici takes. It does not support proxies. */
import type { IncomingMessage } from 'node:http';
import { maxTimeoutMs } from '../options.ts';

/** A form to post. Each gets a new connection: the server may be about to close a kept-alive one, which would lose the form. */
export interface FormPost {
  readonly url: URL;
  readonly body: string;
  readonly signal: AbortSignal;
  /** Whether each address of the host gets more time for its connection. See {@link patience}. */
  readonly isPatient?: boolean | undefined;
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
  // Without this header, any coding would be allowed (RFC 9110 section 12.5.3).
  'accept-encoding': 'identity',
  'content-type': 'application/x-www-form-urlencoded',
};

/**
 * If a host has addresses of IPv4 and IPv6, Node gives each one only 250 ms, and then tries the next one. On a slow network without IPv6
 * that leaves none. This much is enough for a lost packet as well, which TCP sends again after a second.
 */
export function patience(isPatient = false) {
  if (!isPatient) return {};
  const { getDefaultAutoSelectFamily, getDefaultAutoSelectFamilyAttemptTimeout } = process.getBuiltinModule('node:net');
  const autoSelectFamilyAttemptTimeout = Math.max(2_500, getDefaultAutoSelectFamilyAttemptTimeout());
  return { autoSelectFamily: getDefaultAutoSelectFamily(), autoSelectFamilyAttemptTimeout };
}

/** Rejects with any error. The failed system call says whether the request can have been sent. */
export async function postForm({ url, body, signal, isPatient }: FormPost): Promise<HttpAnswer> {
  // An import of node:http evaluates all that it exports: WebSocket, for example, which takes as long as Node's own start.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  const headers = { ...formHeaders, 'content-length': Buffer.byteLength(body) };
  const sent = request(url, { method: 'POST', headers, agent: false, signal, ...patience(isPatient) }).end(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).on('error', reject);
    // Closed without an error, for example after an answer that switches the protocol.
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
 * `Retry-After` has seconds or a date (RFC 9110 section 10.2.3). Undefined if it is missing, or is neither. Counts from the answer's
 * `date`, because the clock of this machine may be wrong. At most what a timer can wait: with more, it would fire at once.
 */
export function readRetryAfter(header: string | undefined, date: string | undefined): number | undefined {
  const value = header?.trim() ?? '';
  const isSeconds = /^\d+$/.test(value);
  const wait = isSeconds ? Number(value) * 1000 : Math.max(0, readDate(value) - (readDate(date) || Date.now()));
  return Number.isNaN(wait) ? undefined : Math.min(wait, maxTimeoutMs);
}

/** NaN if the text is no HTTP date. Date.parse() alone accepts almost any text. */
function readDate(text = ''): number {
  return /^[A-Z][a-z]+, .+ GMT$/.test(text) ? Date.parse(text) : Number.NaN;
}
