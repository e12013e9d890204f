// serve/ hands out access tokens over a Unix socket: who may connect (listen.ts), what is asked (create-token-server.ts), and
// what is answered (token-desk.ts). It knows nothing of how a token is refreshed.
import { once } from 'node:events';
import { defineCommand } from '../../settings/command.ts';
import { suggestCommand } from '../../settings/suggest-command.ts';
import { exitStatus, Failure } from '../../terminal/failure.ts';
import { printable } from '../../terminal/printable.ts';
import { createTokenServer } from './create-token-server.ts';
import { listenPrivately, socketPath } from './listen.ts';
import { TokenDesk } from './token-desk.ts';

/** How long the clients that already have their answer may take to read it when the server ends. */
const lastAnswersMs = 500;

/** Serves tokens until a signal comes. Then a refresh that is under way is finished, and the status is 0. */
export const serve = defineCommand({
  name: 'serve',
  summary: 'hand out tokens over a Unix socket',
  description: `Listens on a Unix socket, and gives a valid access token to each program that asks. A container or another computer (ssh -R) gets tokens that way, and never the refresh token. Only your user can connect: the socket has mode 0600, and serve refuses a folder that other users can enter. SIGTERM and Ctrl-C end it with status 0.

It speaks HTTP. GET /token answers {"token": string, "expiresAt": number}. With ?min_valid=SECONDS, the token is good for at least that long. Ask for /token?refresh=1 after Graph has answered 401. GET /status answers like status --json. 401 means that you have to sign in; 503, try again after the seconds in Retry-After.

If ONEDRIVE_TOKEN_SOCKET names the socket, the commands token, exec, api and status take their tokens from there. They need no database then.`,
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
    // First, so that a wrong key or a damaged database shows before a client can connect.
    await using desk = new TokenDesk(command);
    const { signedIn } = await desk.status();
    const server = createTokenServer(desk, command);
    await listenPrivately(server, path);
    screen.say(`Serving tokens of ${printable(settings.app)} at ${printable(path)}`);
    if (!signedIn) screen.say(`Not signed in: clients get 401 until you run: ${suggestCommand('login', settings)}`);
    if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort');
    const closed = once(server, 'close');
    // This removes the socket.
    server.close();
    // Requests that still wait for a refresh get an error when it is stored.
    await desk[Symbol.asyncDispose]();
    const timer = setTimeout(() => server.closeAllConnections(), lastAnswersMs);
    server.closeIdleConnections();
    await closed;
    clearTimeout(timer);
    return exitStatus.done;
  },
});
