import { type Flags, readTokenFlags } from './common-options.ts';
import { openHandler } from './open-handler.ts';
import { defaultScopes, readRememberedApp } from './remembered-app.ts';
import { mayAsk, readSettings } from './settings.ts';
import { writeOut } from './streams.ts';

/**
 * Runs one command line; settles with the exit status. What this file imports is all that is loaded on the way to a stored
 * token, so that `$(onedrive-token)` costs little more than Node itself.
 */
export async function start(args: readonly string[]): Promise<number> {
  try {
    const flags = readTokenFlags(args);
    const status = flags && (await printToken(flags));
    if (status !== undefined) return status;
    const { runProgram } = await import('./program.ts');
    return await runProgram(args);
  } catch (error) {
    const { reportError } = await import('./report-error.ts');
    return reportError(error);
  }
}

/**
 * Prints the token that is stored, or what a refresh brings. Undefined where anything more has to be done or said, which is
 * left to the whole program.
 */
async function printToken(flags: Flags): Promise<number | undefined> {
  const settings = readSettings(flags);
  const remembered = readRememberedApp(settings.db, settings.app);
  const clientId = settings.clientId ?? remembered?.clientId;
  // To decrypt takes so long that nothing else counts.
  const isEncrypted = settings.keyFile ?? process.env.ONEDRIVE_TOKEN_KEY;
  if (settings.verbose || settings.keyring || isEncrypted || !clientId) return undefined;

  let notStored: Error | undefined;
  let guard: ReturnType<typeof guardRefresh> | undefined;
  const handler = openHandler(settings, {
    clientId,
    scopes: remembered?.scopes ?? defaultScopes,
    interactive: false,
    onEvent: (event) => {
      // From now on there is something that a signal must not cut off.
      if (event.type === 'refresh-started') guard ??= guardRefresh();
      if (event.type === 'store-failed') notStored = event.error;
      if (event.type === 'store-recovered') notStored = undefined;
    },
  });
  try {
    const { token, expiresOnTimestamp: expiresAt } = await handler.asTokenCredential().getToken([]);
    (await guard)?.signal.throwIfAborted();
    writeOut(settings.json ? `${JSON.stringify({ token, expiresAt })}\n` : `${token}\n`);
    return 0;
  } catch (error) {
    const { code, cause } = error as { code?: string; cause?: { code?: string } };
    // The keyring may have the key, or a person.
    if (cause?.code === 'STORE_KEY' || (code === 'SIGN_IN_REQUIRED' && mayAsk(settings))) return undefined;
    const signal = (await guard)?.signal;
    const { reportError } = await import('./report-error.ts');
    return reportError(signal?.aborted ? signal.reason : error, settings);
  } finally {
    await handler.close();
    if (notStored) (await import('./warn-not-stored.ts')).warnNotStored(notStored);
  }
}

async function guardRefresh(): Promise<import('./interrupt.ts').Interrupt> {
  const { Interrupt, refreshing } = await import('./interrupt.ts');
  const interrupt = new Interrupt();
  interrupt.busyWith = refreshing;
  return interrupt;
}
