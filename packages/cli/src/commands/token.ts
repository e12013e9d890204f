import type { Command } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { openSession } from '../session/session.ts';
import { mayAsk } from '../settings/settings.ts';
import { printToken } from './print-token.ts';

/** Prints a valid token; signs in first where a person may be asked. */
export async function token(command: Command): Promise<number> {
  const { settings, interrupt } = command;
  await using session = await openSession(command, { interactive: mayAsk(settings) });
  const credential = session.handler.asTokenCredential();
  const { token, expiresOnTimestamp: expiresAt } = await credential.getToken([], { abortSignal: interrupt.signal });
  printToken(token, expiresAt, settings);
  return exitStatus.done;
}
