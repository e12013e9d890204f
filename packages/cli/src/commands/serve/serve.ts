// serve/ hands out access tokens over a Unix socket: who may connect (the folder, the socket), what is asked (HTTP), and what is
// answered. It knows nothing of how a token is refreshed.
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Command } from '../../command.ts';
import { suggestCommand } from '../../settings/suggest-command.ts';
import { exitStatus, Failure } from '../../terminal/failure.ts';
import { printable } from '../../terminal/printable.ts';
import { readActivation } from './activated-socket.ts';
import { createTokenServer } from './create-token-server.ts';
import { listenOnDescriptor, listenOnSocket } from './listen.ts';
import { socketPath } from './socket-path.ts';
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
  const activated = readActivation();
  const path = activated ? undefined : socketPath(socket);
  // First, so that a wrong key or a damaged database shows before a client can connect.
  await using desk = await TokenDesk.open(command);
  const server = createTokenServer(desk, command);
  const shown = activated ? await listenOnDescriptor(server, activated) : await listenOnSocket(server, path as string);
  screen.say(`Serving tokens of ${printable(settings.app)} at ${printable(shown)}`);
  const { signedIn } = await desk.status();
  if (!signedIn) screen.say(`Not signed in: clients get 401 until you run: ${suggestCommand('login', settings)}`);
  if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort');
  await end(server, desk);
  return exitStatus.done;
}

async function end(server: Server, desk: TokenDesk): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  // Requests that still wait for a refresh get an error when it is stored.
  await desk[Symbol.asyncDispose]();
  const timer = setTimeout(() => server.closeAllConnections(), lastAnswersMs);
  server.closeIdleConnections();
  await closed;
  clearTimeout(timer);
}
