import type { Command } from '../command.ts';
import { openTokenSource } from '../session/open-token-source.ts';
import { mayAsk } from '../settings/settings.ts';
import { runWithToken } from './run-with-token.ts';

/** Runs a program with the token in its environment. Resolves with the program's exit status. */
export async function exec(command: Command, program: readonly string[]): Promise<number> {
  const token = await getToken(command);
  command.interrupt[Symbol.dispose]();
  return runWithToken(token, program, command.settings);
}

async function getToken(command: Command): Promise<string> {
  await using session = await openTokenSource(command, { interactive: mayAsk(command.settings) });
  return await session.handler.getToken({ signal: command.interrupt.signal });
}
