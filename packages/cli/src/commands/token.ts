import type { Command } from '../command.ts';
import { openTokenSource } from '../session/open-token-source.ts';
import { mayAsk } from '../settings/settings.ts';
import { exitStatus } from '../terminal/failure.ts';
import { printToken } from './print-token.ts';

/** Prints a valid token. Signs in first if that is needed and a person may be asked. */
export async function token(command: Command): Promise<number> {
  const { settings, interrupt } = command;
  await using session = await openTokenSource(command, { interactive: mayAsk(settings) });
  const { accessToken, expiresAt } = await session.handler.getTokenDetails({ signal: interrupt.signal });
  printToken(accessToken, expiresAt, settings);
  return exitStatus.done;
}
