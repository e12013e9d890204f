import { existsSync, realpathSync, statSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { exitStatus } from '../exit-status.ts';
import { Failure, fileFailure } from '../failure.ts';
import type { Screen } from '../screen.ts';
import type { GraphClient, GraphRequest } from './graph-client.ts';
import { Progress } from './progress.ts';

/** So many times in a row without a new byte, a broken connection is taken up again. */
const attempts = 5;

/**
 * Saves what Graph answers as `file`, and settles with its size in bytes. The file appears when it is complete; a connection
 * that breaks is taken up where it was.
 */
export async function download(
  client: GraphClient,
  request: GraphRequest,
  file: string,
  screen: Screen,
): Promise<number> {
  const target = existsSync(file) ? realpathSync(file) : file;
  const isReplaced = !existsSync(target) || statSync(target).isFile();
  // A device or a pipe can only be written to.
  const temporary = isReplaced ? `${target}.${process.pid}.part` : target;
  const headers = new Headers(request.headers);
  // A part of a compressed answer could not be continued.
  headers.set('accept-encoding', 'identity');
  const first = await client.sendSuccessfully({ ...request, headers });
  try {
    const output = await open(temporary, isReplaced ? 'wx' : 'w').catch((error) => {
      throw fileFailure('write', file, error);
    });
    let size: number;
    try {
      size = await receive(client, { ...request, headers }, first, { output, file, screen });
    } finally {
      await output.close();
    }
    if (isReplaced) await rename(temporary, target);
    return size;
  } finally {
    await first.body?.cancel().catch(() => {});
    if (isReplaced) await rm(temporary, { force: true });
  }
}

interface Destination {
  output: FileHandle;
  file: string;
  screen: Screen;
}

async function receive(client: GraphClient, request: GraphRequest, first: Response, to: Destination): Promise<number> {
  let response: Response | undefined = first;
  let done = 0;
  for (let failures = 0; ; ) {
    const before = done;
    try {
      response ??= await resume(client, request, first, done);
      const length = response.headers.get('content-length');
      using progress = new Progress(
        to.screen,
        'Downloading',
        length === null ? undefined : done + Number(length),
        done,
      );
      for await (const chunk of response.body ?? []) {
        await writeFully(to, chunk);
        done += chunk.length;
        progress.at(done);
      }
      return done;
    } catch (error) {
      if (error instanceof Failure) throw error;
      client.throwIfInterrupted();
      failures = done > before ? 1 : failures + 1;
      if (failures === attempts || !isResumable(first)) {
        throw new Failure(`the connection broke after ${done} bytes`, exitStatus.unavailable, { cause: error });
      }
    }
    response = undefined;
    await client.wait(failures, 'The connection broke');
  }
}

/** The rest of a body of which `done` bytes are here. */
async function resume(client: GraphClient, request: GraphRequest, first: Response, done: number): Promise<Response> {
  const headers = new Headers(request.headers);
  headers.set('range', `bytes=${done}-`);
  headers.set('if-range', first.headers.get('etag') ?? '');
  const response = await client.sendSuccessfully({ ...request, headers });
  const starts = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (response.status === 206 && Number(starts) === done) return response;
  await response.body?.cancel();
  throw new Failure('the file changed while it was downloaded', exitStatus.unavailable);
}

/** Only a strong tag tells that the rest belongs to what is here (RFC 9110 section 13.1.5). */
function isResumable({ headers }: Response): boolean {
  return headers.get('etag')?.startsWith('"') === true;
}

async function writeFully({ output, file }: Destination, chunk: Uint8Array): Promise<void> {
  try {
    await output.writeFile(chunk);
  } catch (error) {
    throw fileFailure('write', file, error);
  }
}
