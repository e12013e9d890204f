import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { createFetcher, type SignInStatus } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { commonOptions, longFlag } from '../settings/options.ts';
import { exitStatus, Failure, isError, systemReason, UsageError } from '../terminal/failure.ts';
import type { TokenSession } from './session.ts';
import { findTrustedSocket } from './socket-place.ts';
import { notSignedInAt } from './stored-sign-in.ts';

/** Longer than the server may need for a refresh. */
const answerTimeoutMs = 60_000;

/** Options that choose the tokens. With a socket, the `serve` behind it has chosen already. */
const databaseOptions = ['app', 'clientId', 'db', 'keyFile', 'keyring', 'authority'] as const;

/** Takes tokens from the `serve` that listens on `socket`. Throws UsageError if the command line names other tokens. */
export function openSocketSession({ settings, interrupt }: Command, socket: string): TokenSession {
  const given = databaseOptions.find((name) => settings.flags[name] !== undefined);
  if (given !== undefined) {
    const flag = longFlag(commonOptions[given]);
    throw new UsageError(`${flag}: ONEDRIVE_TOKEN_SOCKET says that tokens come from ${socket}`, {
      remedy: `Leave out ${flag}, or unset that variable`,
    });
  }
  const http = createFetcher();
  let bridged: Error | undefined;
  return {
    handler: {
      async getTokenDetails({ forceRefresh = false, minValid = 0, signal = interrupt.signal } = {}) {
        const path = `/token?refresh=${forceRefresh ? 1 : 0}&min_valid=${Math.ceil(minValid / 1000)}`;
        let answer = await ask(socket, path, signal);
        // The provider fails, but the server may have a token that expires sooner. The caller decides whether it is enough.
        if (answer.status >= 500 && minValid > 0 && !forceRefresh) bridged = failureOf(answer, socket);
        // 409: the provider's tokens are valid for less. As with the handler, the caller checks how long the token is valid.
        if (answer.status === 409 || bridged) answer = await ask(socket, '/token', signal);
        const { token, expiresAt } = bodyOf(answer, socket);
        if (typeof token !== 'string' || typeof expiresAt !== 'number') throw notOurs(socket);
        return { accessToken: token, expiresAt, obtainedAt: Date.now() };
      },
      status: async () => bodyOf(await ask(socket, '/status', interrupt.signal), socket) as unknown as SignInStatus,
      fetch: (url, init) => http.fetch(url, init),
    },
    get bridged() {
      return bridged;
    },
    [Symbol.asyncDispose]: () => http.close(),
  };
}

type Answer = Awaited<ReturnType<typeof ask>>;

/**
 * Sends one GET request, and resolves with the answer. Throws a Failure, with status 6 if the socket can't be reached, or the
 * signal's reason.
 */
async function ask(socketPath: string, path: string, signal: AbortSignal) {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]);
  try {
    const sent = request({ socketPath: findTrustedSocket(socketPath), path, agent: false, signal: limit }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const { statusCode: status = 0, headers } = response;
    const body: Record<string, unknown> = { ...JSON.parse(await text(response)) };
    return { status, body, retryAfter: headers['retry-after'] };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    if (isError(error) && error.name === 'SyntaxError') throw notOurs(socketPath);
    const reason = limit.aborted ? `it did not answer within ${answerTimeoutMs / 1000} s` : systemReason(error);
    throw new Failure(`cannot reach ${socketPath} (ONEDRIVE_TOKEN_SOCKET): ${reason}`, {
      status: exitStatus.unavailable,
      remedy: 'Start it: onedrive-token serve --socket PATH',
      cause: error,
    });
  }
}

function bodyOf(answer: Answer, socket: string): Answer['body'] {
  if (answer.status !== 200) throw failureOf(answer, socket);
  return answer.body;
}

function failureOf({ status, body, retryAfter }: Answer, socket: string): Failure {
  if (status === 401 && body.error === 'sign_in_required') return notSignedInAt(socket);
  const reason = typeof body.message === 'string' ? body.message : `it answered with status ${status}`;
  return new Failure(`the server at ${socket} has no token now: ${reason}`, {
    status: status === 503 ? exitStatus.unavailable : exitStatus.failed,
    remedy: retryAfter && `Try again in ${retryAfter} s`,
  });
}

function notOurs(socketPath: string): Failure {
  return new Failure(`${socketPath} does not answer as onedrive-token serve does`, {
    remedy: 'Correct ONEDRIVE_TOKEN_SOCKET',
  });
}
