import { exitStatus } from '../exit-status.ts';
import { Failure } from '../failure.ts';
import { Interrupted } from '../interrupt.ts';

/** The body, piece by piece. Throws Failure, worth retrying, where the connection breaks before its end. */
export async function* readBody(response: Response): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body ?? [];
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    throw new Failure('the connection broke before the answer was complete', exitStatus.unavailable, { cause: error });
  }
}

/** The whole body as text. Throws as `readBody`. */
export async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBody(response)) chunks.push(chunk);
  return new TextDecoder().decode(Buffer.concat(chunks));
}
