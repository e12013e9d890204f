import { GraphClientError } from '../graph-client-error.ts';

export const defaultIdleTimeoutMs = 30_000;
/** The longest wait of a timer. A timer with a longer wait fires at once. */
export const maxTimeoutMs = 2 ** 31 - 1;

/** Where a response came from. `idleTimeout`: how many milliseconds the host may send nothing. Unknown values are absent. */
type Source = { host: string; path?: string; idleTimeout: number; hadToken?: boolean };

export const sources = new WeakMap<Response, Source>();

/** A response that did not come from a `GraphClient` has the default limit. */
export function sourceOf(response: Response): Source {
  const host = URL.parse(response.url)?.host ?? 'the server';
  return sources.get(response) ?? { host, idleTimeout: defaultIdleTimeoutMs };
}

/** Settles as `work` does. After an abort, rejects at once with the signal's reason, even if `work` ignores the signal. */
export async function untilAborted<T>(signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([aborted, work()]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * The result of `work`, which waits for a host. Throws CONNECTION if `work` fails, or if nothing comes for `timeout`
 * milliseconds: `stop` aborts then. Throws the signal's reason after its abort.
 */
export async function exchange<T>(
  { host, timeout, signal }: { host: string; timeout: number; signal: AbortSignal },
  work: (stop: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(new DOMException('nothing came in time', 'TimeoutError')), timeout);
  try {
    return await untilAborted(signal, () => untilAborted(stop.signal, () => work(stop.signal)));
  } catch (error) {
    signal.throwIfAborted();
    const code = codeOf(error);
    const message = stop.signal.aborted
      ? `no answer from ${host} within ${timeout / 1000} s`
      : `the connection to ${host} failed${code ? ` (${code})` : ''}`;
    throw new GraphClientError('CONNECTION', message, { cause: error });
  } finally {
    clearTimeout(limit);
  }
}

/**
 * The body of a response of `GraphClient.request`, piece by piece.
 *
 * @param signal its abort ends the reading, which throws its reason
 * @throws {GraphClientError} CONNECTION if the connection breaks before the end, or if nothing comes for `idleTimeout`
 */
export async function* readBody(response: Response, signal = AbortSignal.any([])): AsyncGenerator<Uint8Array, void> {
  const { host, idleTimeout: timeout } = sourceOf(response);
  const reader = response.body?.getReader();
  try {
    while (reader) {
      const { done, value } = await exchange({ host, timeout, signal }, () => reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    void reader?.cancel().catch(() => {});
  }
}

/** Releases the connection of a response. If the body broke off, that no longer matters. */
export function discardBody({ body }: Response): void {
  void body?.cancel().catch(() => {});
}

/** Node's or undici's code, such as ECONNREFUSED. With `fetch` it is in the cause. */
function codeOf(error: unknown): string | undefined {
  const { code, cause } = Object(error);
  return typeof code === 'string' ? code : cause && codeOf(cause);
}
