import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileFailure } from '../../terminal/failure.ts';
import { writeErr } from '../../terminal/streams.ts';

/** A copy of stdin, in a folder that only this user can enter. It is deleted at the end. */
export interface SpooledStdin extends AsyncDisposable {
  readonly file: string;
}

/**
 * Copies stdin to a file, because Graph has to know the size of an upload before its first piece. Throws a Failure if the disk is
 * full, or the signal's reason.
 */
export async function spoolStdin(signal: AbortSignal): Promise<SpooledStdin> {
  if (process.stdin.isTTY) writeErr('Type the content, or paste it; Ctrl-D on a line of its own ends it.\n');
  const folder = await mkdtemp(join(tmpdir(), 'onedrive-token-'));
  const file = join(folder, 'stdin');
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await pipeline(process.stdin, createWriteStream(file, { flags: 'wx', mode: 0o600 }), { signal });
  } catch (error) {
    await remove();
    signal.throwIfAborted();
    throw fileFailure('write', file, error);
  }
  return { file, [Symbol.asyncDispose]: remove };
}
