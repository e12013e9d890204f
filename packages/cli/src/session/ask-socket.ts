import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitStatus, Failure } from '../terminal/failure.ts';

/** Longer than the server may need for a refresh. */
const answerTimeoutMs = 60_000;
/** How long to try if more clients than the server's queue holds connect at the same moment. */
const crowdTimeoutMs = 10_000;
const longestPauseMs = 100;

/** What the server said. Its body is an object. */
export interface SocketAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Seconds, if the server named any. */
  readonly retryAfter: string | undefined;
}

/**
 * Sends one GET request to the `serve` that listens on a socket. Throws a Failure with status 6 if it can't be reached, or the
 * signal's reason.
 */
export async function askSocket(socketPath: string, path: string, signal: AbortSignal): Promise<SocketAnswer> {
  const giveUp = performance.now() + crowdTimeoutMs;
  for (;;) {
    try {
      return await ask(socketPath, path, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Failure) throw error;
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EAGAIN' || performance.now() > giveUp) throw unreachable(socketPath, error);
    }
    await sleep(Math.random() * longestPauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function ask(socketPath: string, path: string, signal: AbortSignal): Promise<SocketAnswer> {
  const limit = AbortSignal.timeout(answerTimeoutMs);
  const sent = request({ socketPath, path, agent: false, signal: AbortSignal.any([signal, limit]) }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const retryAfter = response.headers['retry-after'];
  const body = await json(response).catch((error: unknown) => {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  });
  if (typeof body !== 'object' || body === null) {
    throw notOurs(socketPath);
  }
  return { status: response.statusCode ?? 0, body: body as SocketAnswer['body'], retryAfter };
}

/** The failure if another program listens on the socket. */
export function notOurs(socketPath: string): Failure {
  return new Failure(`${socketPath} does not answer as onedrive-token serve does. Correct ONEDRIVE_TOKEN_SOCKET`);
}

function unreachable(socketPath: string, cause: unknown): Failure {
  const { code, message } = cause as NodeJS.ErrnoException;
  const hints: Record<string, string> = {
    ENOENT: 'there is no such file',
    ECONNREFUSED: 'no process listens there any more',
    EACCES: 'it belongs to another user, or its folder does',
    ENOTDIR: 'a part of its path is not a folder',
    ABORT_ERR: `it did not answer within ${answerTimeoutMs / 1000} s`,
  };
  return new Failure(
    `cannot reach ${socketPath} (ONEDRIVE_TOKEN_SOCKET): ${hints[code ?? ''] ?? message}. Start it: onedrive-token serve --socket PATH`,
    exitStatus.unavailable,
    { cause },
  );
}
