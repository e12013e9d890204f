import { isPrivate } from '../graph-address.ts';
import { GraphClientError } from '../graph-client-error.ts';

/** One request. It may be sent several times. */
export interface GraphRequest {
  readonly url: URL;
  /** In capital letters. */
  readonly method: string;
  readonly headers: Headers;
  readonly body?: RequestInit['body'];
  /** False for an address that is a secret itself, and for all requests after a redirect to another host. */
  readonly withToken: boolean;
  readonly signal: AbortSignal;
  /** How long the answer may take to begin, in milliseconds. Default: `idleTimeout`. */
  readonly answerTimeout?: number;
  /** The caller's further options for `fetch`. */
  readonly init?: RequestInit;
}

/** The headers that a request keeps if it goes to another host or loses its body: none identifies the caller or describes a body. */
const keptHeaders = ['accept', 'accept-encoding', 'range', 'if-range', 'user-agent'];

/** Whether the body can be sent a second time: a stream cannot. */
export function isRepeatable({ body }: GraphRequest): boolean {
  return !(Symbol.asyncIterator in Object(body));
}

/**
 * The request that a redirect asks for (RFC 9110 section 15.4). To another host, the request has no token, no body and no header
 * that identifies the caller. Throws GraphClientError if the redirect must not be followed.
 */
export function redirectRequest(from: GraphRequest, status: number, location: string): GraphRequest {
  const url = URL.parse(location, from.url.href);
  if (from.init?.redirect === 'error') throw refusal("init.redirect is 'error'");
  if (!url || url.username || url.password) throw refusal('its address cannot be used');
  if (!isPrivate(url)) throw refusal('it is not https', `to ${url.protocol}//${url.host}`);

  const isElsewhere = url.origin !== from.url.origin;
  const becomesGet = status < 303 ? from.method === 'POST' : status === 303 && from.method !== 'HEAD';
  const method = becomesGet ? 'GET' : from.method;
  if (!isElsewhere && !becomesGet) {
    if (!isRepeatable(from)) throw refusal('the body is a stream, which cannot be sent again');
    return { ...from, url };
  }
  if (!/^(GET|HEAD)$/.test(method)) throw refusal(url.origin, `of ${method} to another host`);
  const headers = new Headers([...from.headers].filter(([name]) => keptHeaders.includes(name)));
  // Otherwise the other host could choose what is requested with the token, by a redirect back.
  const withToken = from.withToken && !isElsewhere;
  return { ...from, url, method, headers, body: null, withToken };
}

function refusal(reason: string, kind = ''): GraphClientError {
  return new GraphClientError('RESPONSE', `not following a redirect${kind && ` ${kind}`}: ${reason}`);
}
