import type { OneDriveTokenHandler, SignInStatus } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { refuseDatabaseOptions } from '../settings/refuse-socket.ts';
import { exitStatus, Failure } from '../terminal/failure.ts';
import { askSocket, notOurs, type SocketAnswer } from './ask-socket.ts';
import { createFetcher } from './create-fetcher.ts';

/** Where a command has its tokens from: the handler, or a socket that answers as the handler does. */
type TokenSource = Pick<OneDriveTokenHandler, 'getToken' | 'getTokenDetails' | 'status' | 'fetch'>;

export interface TokenSession extends AsyncDisposable {
  readonly handler: TokenSource;
  /** Why a token that should have been refreshed was not: it is still valid. */
  readonly bridged?: Error | undefined;
}

/** Takes tokens from the `serve` that listens on `socket`. Throws UsageError if the command line names other tokens. */
export function openSocketSession(command: Command, socket: string): TokenSession {
  refuseDatabaseOptions(command.settings);
  let http: OneDriveTokenHandler | undefined;
  const ask = async <T>(path: string, signal: AbortSignal | undefined): Promise<T> => {
    const answer = await askSocket(socket, path, signal ?? command.interrupt.signal);
    if (answer.status !== 200) throw failureOf(answer, socket);
    return answer.body as T;
  };
  const getTokenDetails: TokenSource['getTokenDetails'] = async ({
    forceRefresh = false,
    minValid = 0,
    signal,
  } = {}) => {
    const path = `/token?refresh=${forceRefresh ? 1 : 0}&min_valid=${Math.ceil(minValid / 1000)}`;
    const { token, expiresAt } = await ask<{ token: unknown; expiresAt: unknown }>(path, signal);
    if (typeof token !== 'string' || typeof expiresAt !== 'number') throw notOurs(socket);
    return { accessToken: token, expiresAt, obtainedAt: Date.now() };
  };
  return {
    handler: {
      getTokenDetails,
      getToken: async (options) => (await getTokenDetails(options)).accessToken,
      status: () => ask<SignInStatus>('/status', undefined),
      fetch(url, init) {
        http ??= createFetcher();
        return http.fetch(url, init);
      },
    },
    async [Symbol.asyncDispose]() {
      await http?.close();
    },
  };
}

function failureOf({ status, body, retryAfter }: SocketAnswer, socket: string): Failure {
  const { error, message } = body;
  const reason = typeof message === 'string' ? message : `it answered with status ${status}`;
  if (status === 401 && error === 'sign_in_required') {
    const command = 'onedrive-token login';
    return new Failure(
      `the server at ${socket} has no sign-in that works. On the computer that it runs on, run: ${command}`,
      exitStatus.signInNeeded,
    );
  }
  const what = `the server at ${socket} has no token now: ${reason}`;
  if (status !== 503) return new Failure(what);
  return new Failure(`${what}${retryAfter ? `. Try again in ${retryAfter} s` : ''}`, exitStatus.unavailable);
}
