// serve/ hands out access tokens over a Unix socket: who may connect (listen.ts), what is asked (create-token-server.ts), and
// what is answered (token-desk.ts). It knows nothing of how a token is refreshed.
import { once } from 'node:events';
import type { Command } from '../../settings/command.ts';
import { suggestCommand } from '../../settings/suggest-command.ts';
import { exitStatus, Failure } from '../../terminal/failure.ts';
import { printable } from '../../terminal/printable.ts';
import { createTokenServer } from './create-token-server.ts';
import { listenPrivately, socketPath } from './listen.ts';
import { TokenDesk } from './token-desk.ts';

/** How long the clients that already have their answer may take to read it when the server ends. */
const lastAnswersMs = 500;

export interface ServeOptions {
  socket?: string;
}

/** Serves tokens until a signal comes. Then a refresh that is under way is finished, and the status is 0. */
export async function serve(command: Command, { socket }: ServeOptions): Promise<number> {
  const { settings, screen, interrupt } = command;
  if (process.platform === 'win32') {
    throw new Failure('serve needs Unix sockets with file modes, which Windows does not have');
  }
  const path = socketPath(socket);
  // First, so that a wrong key or a damaged database shows before a client can connect.
  await using desk = await TokenDesk.open(command);
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
}
