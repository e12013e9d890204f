import { GraphClientError } from '../graph-client-error.ts';

/**
 * The body of a response of `GraphClient.request`, piece by piece.
 *
 * @param signal the one that the request was given, if any: after its abort its reason is thrown
 * @throws {GraphClientError} CONNECTION if the connection breaks before the end
 */
export async function* readBody(response: Response, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  try {
    if (response.body) yield* response.body;
  } catch (cause) {
    signal?.throwIfAborted();
    throw new GraphClientError('CONNECTION', 'the connection broke before the answer was complete', { cause });
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
