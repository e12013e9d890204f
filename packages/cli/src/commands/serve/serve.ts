// serve/ hands out access tokens over a Unix socket: who may connect (the folder, the socket), what is asked (HTTP), and what is
// answered. It knows nothing of how a token is refreshed.
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Command } from '../../settings/command.ts';
import { suggestCommand } from '../../settings/suggest-command.ts';
import { exitStatus, Failure } from '../../terminal/failure.ts';
import { printable } from '../../terminal/printable.ts';
import { type ActivatedSocket, readActivation } from './activated-socket.ts';
import { createTokenServer } from './create-token-server.ts';
import { listenOnDescriptor, listenOnSocket, type OwnSocket } from './listen.ts';
import { socketPath } from './socket-path.ts';
import { TokenDesk } from './token-desk.ts';

/** How long the clients that already have their answer may take to read it when the server ends. */
const lastAnswersMs = 500;
/** How often the server looks whether its socket is still there. */
const lookIntervalMs = 1_000;

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
  const own = activated ? undefined : await listenOnSocket(server, path as string);
  const shown = own?.path ?? (await listenOnDescriptor(server, activated as ActivatedSocket));
  screen.say(`Serving tokens of ${printable(settings.app)} at ${printable(shown)}`);
  const { signedIn } = await desk.status();
  if (!signedIn) screen.say(`Not signed in: clients get 401 until you run: ${suggestCommand('login', settings)}`);
  const isInPlace = await untilEnd(interrupt.signal, own);
  own?.remove();
  await end(server, desk);
  if (isInPlace) return exitStatus.done;
  throw new Failure(`the socket ${shown} was removed, or another process has made its own there`);
}

/** Waits for a signal. False if the socket was gone before. */
async function untilEnd(signal: AbortSignal, own: OwnSocket | undefined): Promise<boolean> {
  const { promise: gone, resolve } = Promise.withResolvers<false>();
  let misses = 0;
  const look = (): void => {
    misses = own?.isInPlace ? 0 : misses + 1;
    // A process that starts may have moved it away for a moment.
    if (misses === 2) resolve(false);
  };
  const timer = own && setInterval(look, lookIntervalMs);
  const ended = signal.aborted || once(signal, 'abort').then(() => true);
  const isInPlace = await Promise.race([ended, gone]);
  clearInterval(timer);
  return isInPlace;
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
