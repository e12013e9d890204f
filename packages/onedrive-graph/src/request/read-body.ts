import { exchange } from './exchange.ts';

export const defaultIdleTimeoutMs = 30_000;

/** Where a response came from: `idleTimeout` says how many milliseconds nothing may come, `hadToken` is absent if not known. */
type Source = { host: string; idleTimeout: number; hadToken?: boolean };

export const sources = new WeakMap<Response, Source>();

/** A response that did not come from a client has the default limit. */
export function sourceOf(response: Response): Source {
  const host = URL.parse(response.url)?.host ?? 'the server';
  return sources.get(response) ?? { host, idleTimeout: defaultIdleTimeoutMs };
}

/**
 * The body of a response of `GraphClient.request`, piece by piece.
 *
 * @param signal ends the reading: after its abort its reason is thrown
 * @throws {GraphClientError} CONNECTION if the connection breaks before the end, or if nothing comes for `idleTimeout`
 */
export async function* readBody(response: Response, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const { host, idleTimeout: timeout } = sourceOf(response);
  const limits = { host, timeout, signal: signal ?? AbortSignal.any([]) };
  const reader = response.body?.getReader();
  try {
    while (reader) {
      const { done, value } = await exchange(limits, () => reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    void reader?.cancel().catch(() => {});
  }
}

/** Gives the connection of a response back. If its body broke off, that no longer matters. */
export function discardBody({ body }: Response): void {
  void body?.cancel().catch(() => {});
}
