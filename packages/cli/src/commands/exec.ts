import { openTokenSource } from '../session/open-token-source.ts';
import type { Command } from '../settings/command.ts';
import { execMinValidMs } from '../settings/common-options.ts';
import { mayAsk } from '../settings/settings.ts';
import { runWithToken } from './run-with-token.ts';

/** Runs a program with the token in its environment. Resolves with the program's exit status. */
export async function exec(
  command: Command,
  program: readonly string[],
  { minValid }: { minValid?: number } = {},
): Promise<number> {
  const token = await getToken(command, minValid);
  command.interrupt[Symbol.dispose]();
  return runWithToken(token, program, command.settings);
}

/** Without --min-valid, a shorter token will do if the provider's tokens are short. */
async function getToken(command: Command, minValid: number | undefined): Promise<string> {
  await using session = await openTokenSource(command, { interactive: mayAsk(command.settings) });
  if (minValid !== undefined) {
    const { obtainToken } = await import('../session/obtain-token.ts');
    return (await obtainToken(command, session, { minValid })).accessToken;
  }
  return await session.handler.getToken({ minValid: execMinValidMs, signal: command.interrupt.signal });
}
