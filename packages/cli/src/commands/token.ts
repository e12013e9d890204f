import { openTokenSource } from '../session/open-token-source.ts';
import type { Command } from '../settings/command.ts';
import { mayAsk } from '../settings/settings.ts';
import { exitStatus } from '../terminal/failure.ts';
import { printToken } from './print-token.ts';

export interface PrintedTokenOptions {
  header?: boolean;
  /** Gets a new token, because Graph has refused the stored one. */
  refresh?: boolean;
  /** Milliseconds. */
  minValid?: number;
}

/** Prints a valid token. Signs in first if that is needed and a person may be asked. */
export async function token(command: Command, options: PrintedTokenOptions = {}): Promise<number> {
  const { settings, interrupt } = command;
  const { header = false, refresh = false, minValid } = options;
  await using session = await openTokenSource(command, { interactive: mayAsk(settings) });
  const { accessToken, expiresAt } =
    minValid === undefined
      ? await session.handler.getTokenDetails({ forceRefresh: refresh, signal: interrupt.signal })
      : await (await import('../session/obtain-token.ts')).obtainToken(command, session, { refresh, minValid });
  printToken(accessToken, expiresAt, { json: settings.json, header });
  return exitStatus.done;
}
