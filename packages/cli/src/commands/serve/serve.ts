// serve/ hands out access tokens over a Unix socket: listen.ts decides who may connect, token-desk.ts which token is the newest, and this
// file what is answered. Refreshing is left to the handler.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { OneDriveTokenError } from 'onedrive-token-handler';
import { type Command, defineCommand } from '../../settings/command.ts';
import { describeError } from '../../settings/describe-error.ts';
import { suggestCommand } from '../../settings/settings.ts';
import { exitStatus, Failure, joinProblem } from '../../terminal/failure.ts';
import { requestToleranceMs } from '../token.ts';
import { listenPrivately, socketPath } from './listen.ts';
import { TokenDesk } from './token-desk.ts';

/** A client that has not sent its request, one short packet, by then loses its connection. */
const requestTimeoutMs = 10_000;
/** The `Retry-After` if the provider names none. */
const defaultRetryAfterMs = 10_000;
/** When the server ends, clients have this long to read answers that were already sent. */
const lastAnswersMs = 500;

export const serve = defineCommand({
  name: 'serve',
  summary: 'hand out tokens over a Unix socket',
  description: `Listens on a Unix socket, and gives a valid access token to each program that asks. A container or another computer (ssh -R) gets tokens that way, and never the refresh token. Only your user can connect: the socket has mode 0600, and serve refuses a folder that other users can enter. SIGTERM and Ctrl-C end it with status 0.

It speaks HTTP. GET /token answers {"token": string, "expiresAt": number}. With ?min_valid=SECONDS, the token is good for at least that long. Ask for /token?refresh=1 after Graph has answered 401; clients that do so within 10 seconds share one refresh. GET /status answers like status --json. 401 means that you have to sign in; 409, that the provider's tokens are shorter than min_valid; 503, try again after the seconds in Retry-After.

If ONEDRIVE_TOKEN_SOCKET names the socket, the commands token, exec, api, status, whoami and doctor ask there. They need no database then.`,
  examples: [
    ['onedrive-token serve', 'at $XDG_RUNTIME_DIR/onedrive-token.sock'],
    ['curl --unix-socket "$XDG_RUNTIME_DIR/onedrive-token.sock" http://localhost/token', 'a token for any program'],
    [
      'ONEDRIVE_TOKEN_SOCKET="$XDG_RUNTIME_DIR/onedrive-token.sock" onedrive-token api /me/drive',
      'this command as a client',
    ],
  ],
  needsDatabase: true,
  options: {
    socket: { flags: '--socket <path>', description: 'the socket (default: $XDG_RUNTIME_DIR/onedrive-token.sock)' },
  },
  async run(command, { socket }) {
    const { settings, screen, interrupt } = command;
    if (process.platform === 'win32') {
      throw new Failure('serve needs Unix sockets with file modes, which Windows does not have');
    }
    const path = socketPath(socket);
    // Open the database first, so that a wrong key or a damaged database shows before a client can connect.
    await using desk = new TokenDesk(command);
    const { signedIn } = await desk.status();
    const server = createTokenServer(desk, command);
    const removeSocket = await listenPrivately(server, path);
    screen.say(`Serving tokens of ${settings.app} at ${path}`);
    if (!signedIn) screen.say(`Not signed in: clients get 401 until you run: ${suggestCommand('login', settings)}`);
    if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort');
    removeSocket();
    const closed = once(server.close(), 'close');
    // Waits until a running refresh is stored. Then requests that wait for it get an error.
    await desk[Symbol.asyncDispose]();
    setTimeout(() => server.closeAllConnections(), lastAnswersMs);
    await closed;
  },
});

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Record<string, string>;
  /** The message for the person who runs the server. */
  readonly problem?: string;
}

function createTokenServer(desk: TokenDesk, command: Command): Server {
  const { settings, screen } = command;
  const options = {
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: 1000,
  };
  /** The status of the last reported problem, until a token is handed out. A thousand clients do not cause a thousand lines. */
  let reported: number | undefined;
  return createServer(options, async (request, response) => {
    const answer = await answerTo(request, desk).catch((error) => answerToError(error, command));
    const { status, body, headers, problem } = answer;
    if (problem !== undefined && status !== reported) screen.say(`onedrive-token: ${problem}`);
    if (problem !== undefined || 'token' in body) reported = problem === undefined ? undefined : status;
    if (settings.verbose) screen.say(`${request.method} ${request.url} ${status}`);
    const content = `${JSON.stringify(body)}\n`;
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(content),
      'Cache-Control': 'no-store',
      Connection: 'close',
      ...headers,
    });
    response.end(content);
  });
}

async function answerTo({ method, url }: IncomingMessage, desk: TokenDesk): Promise<Answer> {
  const { pathname, searchParams } = new URL(`http://localhost${url}`);
  if (pathname !== '/token' && pathname !== '/status') return { status: 404, body: { error: 'not_found' } };
  if (method !== 'GET') return { status: 405, body: { error: 'method_not_allowed' }, headers: { Allow: 'GET' } };
  if (pathname === '/status') return { status: 200, body: await desk.status() };
  const seconds = searchParams.get('min_valid') ?? '0';
  if (!/^\d{1,9}(\.\d+)?$/.test(seconds)) {
    const message = `min_valid: expected a number of seconds, got '${seconds}'`;
    return { status: 400, body: { error: 'bad_request', message } };
  }
  const minValid = Number(seconds) * 1000;
  let found = await desk.getToken({ minValid, forceRefresh: searchParams.get('refresh') === '1' });
  const lifetime = found.expiresAt - found.obtainedAt;
  if (lifetime < minValid) {
    const message = `the provider's tokens are valid for ${Math.floor(lifetime / 1000)} seconds only`;
    return { status: 409, body: { error: 'min_valid_too_long', message } };
  }
  if (minValid - (found.expiresAt - Date.now()) > requestToleranceMs) {
    if (desk.bridged) throw desk.bridged;
    // For more than nine tenths of a token's life, the handler does not refresh. Here a client asks for that, so force it.
    found = await desk.replaceToken(minValid);
  }
  return { status: 200, body: { token: found.accessToken, expiresAt: found.expiresAt } };
}

function answerToError(error: unknown, command: Command): Answer {
  const { code, retryAfter = defaultRetryAfterMs } = error as Partial<OneDriveTokenError>;
  const later = { status: 503, headers: { 'Retry-After': String(Math.ceil(retryAfter / 1000)) } };
  // A sign-out closes the session, so waiting requests fail with CLOSED.
  if (code === 'CLOSED' || command.interrupt.signal.aborted)
    return { ...later, body: { error: 'unavailable', message: 'the sign-in or the server has ended' } };
  const described = describeError(error, command);
  const problem = joinProblem(described);
  switch (described.status) {
    case exitStatus.signInNeeded:
      return { status: 401, body: { error: 'sign_in_required' }, problem };
    case exitStatus.unavailable:
    case exitStatus.databaseLocked:
      return { ...later, body: { error: 'unavailable', message: problem }, problem };
    default:
      return { status: 500, body: { error: 'failed', message: problem }, problem };
  }
}
