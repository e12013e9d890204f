import { readStoredToken } from 'onedrive-token-handler/stored-token';
import { printToken } from './commands/print-token.ts';
import { defaultScopes, readRememberedApp } from './files/remembered-app.ts';
import { type Flags, readTokenFlags } from './settings/common-options.ts';
import { readSettings } from './settings/settings.ts';

/**
 * Runs one command line; settles with the exit status. What this file imports is all that is loaded on the way to a stored
 * token, so that `$(onedrive-token)` costs little more than Node itself.
 */
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

/** False where there is no token that only has to be read, or where more is wanted than the token. */
function printStoredToken(flags: Flags): boolean {
  const settings = readSettings(flags);
  const remembered = readRememberedApp(settings.db, settings.app);
  const clientId = settings.clientId ?? remembered?.clientId;
  // What is encrypted needs more than to be read; and a key for what is not is a mistake to be told of.
  const isKeyGiven = settings.keyring || settings.keyFile || process.env.ONEDRIVE_TOKEN_KEY;
  if (isKeyGiven || settings.verbose || !clientId) return false;
  const { app: appName, db: dbFilepath, authority } = settings;
  const scopes = remembered?.scopes ?? defaultScopes;
  let stored: ReturnType<typeof readStoredToken>;
  try {
    stored = readStoredToken({ appName, clientId, scopes, dbFilepath, ...(authority !== undefined && { authority }) });
  } catch {
    // What is wrong with an option, the whole program can say.
  }
  if (stored) printToken(stored.accessToken, stored.expiresAt, settings);
  return stored !== undefined;
}
