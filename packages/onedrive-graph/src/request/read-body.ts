import { GraphClientError } from '../graph-client-error.ts';
import { sourceOf, withIdleLimit } from './idle-limit.ts';
import { untilAborted } from './until-aborted.ts';

/**
 * The body of a response of `GraphClient.request`, piece by piece.
 *
 * @param signal ends the reading: after its abort its reason is thrown
 * @throws {GraphClientError} CONNECTION if the connection breaks before the end, or if nothing comes for `idleTimeout`
 */
export async function* readBody(response: Response, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const { host, idleTimeout } = sourceOf(response);
  const reader = response.body?.getReader();
  try {
    while (reader) {
      const { done, value } = await untilAborted(signal, () => withIdleLimit(host, idleTimeout, () => reader.read()));
      if (done) return;
      yield value;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof GraphClientError) throw cause;
    const message = `the connection to ${host} broke before the answer was complete`;
    throw new GraphClientError('CONNECTION', message, { cause });
  } finally {
    void reader?.cancel().catch(() => {});
  }
}

/** Gives the connection of a response back. If its body broke off, that no longer matters. */
export function discardBody({ body }: Response): void {
  void body?.cancel().catch(() => {});
}

/** The whole body as text. Throws as `readBody`, and RESPONSE if it is longer than `maxBytes`. */
export async function readText(
  response: Response,
  signal?: AbortSignal,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readBody(response, signal)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) throw new GraphClientError('RESPONSE', `Graph answered with more than ${maxBytes} bytes`);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
