import { GraphClientError } from '../graph-client-error.ts';
import { isError } from './is-error.ts';

export const defaultIdleTimeoutMs = 30_000;
/** The longest wait of a timer. A longer one would end at once. */
export const maxTimeoutMs = 2 ** 31 - 1;

/** The outcome of `work`, or CONNECTION if it is not settled within `timeout` milliseconds; its signal aborts then. */
export async function withIdleLimit<T>(
  host: string,
  timeout: number,
  work: (stop: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const limit = setTimeout(() => {
    const cause = new DOMException('nothing came in time', 'TimeoutError');
    reject(new GraphClientError('CONNECTION', `no answer from ${host} within ${timeout / 1000} s`, { cause }));
    stop.abort(cause);
  }, timeout);
  try {
    return await Promise.race([late, work(stop.signal)]);
  } finally {
    clearTimeout(limit);
  }
}

interface Source {
  /** What Graph was asked for. Absent for an address that is a secret itself. */
  readonly path?: string;
  /** Absent if that is not known. */
  readonly hadToken?: boolean;
  readonly host: string;
  /** How long nothing may come from there, in milliseconds. */
  readonly idleTimeout: number;
}

/** Where each response came from, and the limit of the client that asked for it. */
const sources = new WeakMap<Response, Source>();

export function keepSource(response: Response, source: Source): Response {
  sources.set(response, source);
  return response;
}

/** A response that did not come from a client has the default limit. */
export function sourceOf(response: Response): Source {
  const host = URL.parse(response.url)?.host ?? 'the server';
  return sources.get(response) ?? { host, idleTimeout: defaultIdleTimeoutMs };
}

/** Whether an attempt was given up because nothing came in time. */
export function isTimeout(error: unknown): error is GraphClientError {
  return error instanceof GraphClientError && isError(error.cause) && error.cause.name === 'TimeoutError';
}
