/**
 * This file and what it imports are all that is loaded to print a stored token, so that `$(onedrive-token)` takes little longer
 * than Node itself. The build makes one file of them; the rest is imported when it is needed.
 */
import { readStoredToken, type StoredToken } from 'onedrive-token-handler/stored-token';
import { printToken } from './commands/print-token.ts';
import { type Flags, readTokenFlags } from './settings/common-options.ts';
import { readSettings } from './settings/settings.ts';
import { readTokenOptions } from './settings/token-options.ts';

/** Runs one command line, and resolves with its exit status. */
export async function start(args: readonly string[]): Promise<number> {
  try {
    const flags = readTokenFlags(args);
    if (flags && printStoredToken(flags)) return 0;
    const { runProgram } = await import('./program.ts');
    return await runProgram(args);
  } catch (error) {
    const { reportError } = await import('./errors/report-error.ts');
    return reportError(error);
  }
}

/** Prints the token if it only has to be read from the database. Returns false if the full program is needed. */
function printStoredToken(flags: Flags): boolean {
  const settings = readSettings(flags);
  // With a key given, only the full program can decrypt or explain. Only it connects to PostgreSQL or to a socket.
  const needsProgram =
    settings.hasKey || settings.verbose || settings.postgresUrl !== undefined || settings.socket !== undefined;
  const options = needsProgram ? undefined : readTokenOptions(settings);
  const stored = options && tryToRead(options);
  if (stored) printToken(stored.accessToken, stored.expiresAt, settings);
  return stored !== undefined;
}

function tryToRead(options: Parameters<typeof readStoredToken>[0]): StoredToken | undefined {
  try {
    return readStoredToken(options);
  } catch {
    // The full program says what is wrong with an option.
    return undefined;
  }
}
