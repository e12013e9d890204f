import type { Command } from '../settings/command.ts';
import { openSession, type SessionOptions } from './session.ts';
import type { TokenSession } from './socket-session.ts';

/** Opens the database or, with ONEDRIVE_TOKEN_SOCKET, a connection to the `serve` that has it. Throws as `openSession`. */
export async function openTokenSource(command: Command, options: SessionOptions): Promise<TokenSession> {
  const { socket } = command.settings;
  if (socket === undefined) return openSession(command, options);
  const { openSocketSession } = await import('./socket-session.ts');
  return openSocketSession(command, socket);
}
