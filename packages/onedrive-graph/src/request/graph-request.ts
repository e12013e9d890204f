import { isPrivate } from '../graph-address.ts';
import { GraphClientError } from '../graph-client-error.ts';

/** One request. It may be sent several times. */
export interface GraphRequest {
  readonly url: URL;
  /** In capital letters. */
  readonly method: string;
  readonly headers: Headers;
  readonly body?: RequestInit['body'];
  /**
   * False for an address that is a secret itself, and after a redirect to another host: neither it nor what it leads to gets
   * the token.
   */
  readonly withToken: boolean;
  readonly signal: AbortSignal;
  /** How long the answer may take to begin, in milliseconds. Default: as long as anything may. */
  readonly answerTimeout?: number;
  /** What else the caller tells `fetch`. */
  readonly init?: RequestInit;
}

/** The headers that a request to another host keeps: nothing that says who asks. */
const impersonalHeaders = ['accept', 'accept-encoding', 'range', 'if-range', 'user-agent'];
/** The headers that describe a body (RFC 9110 sections 8.3 to 8.7). A request without a body must not have them. */
const bodyHeaders = ['content-type', 'content-encoding', 'content-language', 'content-location', 'content-length'];

/** Whether the body can be sent a second time: a stream cannot. */
export function isRepeatable({ body }: GraphRequest): boolean {
  return !(Symbol.asyncIterator in Object(body));
}

/**
 * The request that a redirect asks for (RFC 9110 section 15.4). To another host it has no token, no body and no header that
 * says who asks. Throws GraphClientError if it must not be followed.
 */
export function redirectRequest(from: GraphRequest, status: number, location: string): GraphRequest {
  const url = URL.parse(location, from.url.href);
  if (from.init?.redirect === 'error') throw refusal('the caller allows none');
  if (!url || url.username || url.password) throw refusal('its address cannot be used');
  if (!isPrivate(url)) throw refusal('it is not https', `to ${url.protocol}//${url.host}`);

  const becomesGet = status < 303 ? from.method === 'POST' : status === 303 && from.method !== 'HEAD';
  const method = becomesGet ? 'GET' : from.method;
  const { body, ...withoutBody } = from;
  const keep = (isKept: (name: string) => boolean): Headers =>
    new Headers([...from.headers].filter(([name]) => isKept(name)));
  if (url.origin !== from.url.origin) {
    if (method !== 'GET' && method !== 'HEAD') throw refusal(url.origin, `of ${method} to another host`);
    // Without `withToken: false` the other host could choose what is requested with the token, by a redirect back.
    return { ...withoutBody, url, method, headers: keep((name) => impersonalHeaders.includes(name)), withToken: false };
  }
  if (becomesGet) return { ...withoutBody, url, method, headers: keep((name) => !bodyHeaders.includes(name)) };
  if (!isRepeatable(from)) throw refusal('the body is a stream, which cannot be sent again');
  return { ...from, url };
}

function refusal(reason: string, kind = ''): GraphClientError {
  return new GraphClientError('RESPONSE', `not following a redirect${kind && ` ${kind}`}: ${reason}`);
}
