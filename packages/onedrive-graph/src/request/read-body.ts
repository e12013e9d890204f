import { GraphClientError } from '../graph-client-error.ts';
import { untilAborted } from './until-aborted.ts';

/**
 * The body of a response of `GraphClient.request`, piece by piece.
 *
 * @param signal ends the reading: after its abort its reason is thrown
 * @throws {GraphClientError} CONNECTION if the connection breaks before the end
 */
export async function* readBody(response: Response, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const reader = response.body?.getReader();
  try {
    while (reader) {
      const { done, value } = await untilAborted(signal, () => reader.read());
      if (done) return;
      yield value;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw new GraphClientError('CONNECTION', 'the connection broke before the answer was complete', { cause });
  } finally {
    void reader?.cancel().catch(() => {});
  }
}

/** What the JSON of a response says; undefined if its body is empty. Throws as `readBody`, and RESPONSE if it is not JSON. */
export async function readJson(response: Response, signal?: AbortSignal): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBody(response, signal)) chunks.push(chunk);
  if (chunks.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(Buffer.concat(chunks)));
  } catch {
    // The cause would quote the answer.
    throw new GraphClientError('RESPONSE', 'Graph answered with something else than JSON');
  }
}
