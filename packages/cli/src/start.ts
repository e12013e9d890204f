/**
 * To print a stored token, only this file and its static imports are loaded, so `$(onedrive-token)` takes little longer than Node itself.
 * Everything else is imported when it is needed.
 */
import { readStoredToken, type StoredToken } from 'onedrive-token-handler/stored-token';
import { printToken } from './commands/print-token.ts';
import { readPlainLine } from './settings/options.ts';
import { meantToken, readSettings, type Settings } from './settings/settings.ts';
import { expiresSoon } from './settings/time.ts';

/** Runs one command line, and resolves with its exit status. */
export async function start(args: readonly string[]): Promise<number> {
  try {
    const flags = readPlainLine(args);
    if (!flags) return await (await import('./commands/program.ts')).runProgram(args);
    const settings = readSettings(flags);
    const stored = readToken(settings);
    if (stored) return printToken(stored.accessToken, stored.expiresAt, settings);
    const { runCommand } = await import('./settings/command.ts');
    const { token } = await import('./commands/token.ts');
    return await runCommand(flags, (command) => token.run(command, {}, []));
  } catch (error) {
    return (await import('./settings/describe-error.ts')).reportError(error);
  }
}

/** The stored token, if reading it is enough. Only the full program connects to PostgreSQL, decrypts, and explains errors. */
function readToken(settings: Settings): StoredToken | undefined {
  const { db, hasKey, verbose, postgresUrl, socket } = settings;
  if (hasKey || verbose || postgresUrl !== undefined || socket !== undefined) return undefined;
  try {
    const stored = readStoredToken({ ...meantToken(settings), dbFilepath: db });
    // Only the full program warns that the sign-in expires soon.
    return expiresSoon(stored?.renewBy) ? undefined : stored;
  } catch {
    return undefined;
  }
}
