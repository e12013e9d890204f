import type { Flags } from './common-options.ts';
import { openHandler } from './open-handler.ts';
import { readPassphrase } from './passphrase.ts';
import { defaultScopes, readRememberedApp } from './remembered-app.ts';
import { mayAsk, readSettings } from './settings.ts';
import { writeOut } from './streams.ts';

/**
 * Prints the token that is stored, or what a refresh brings. Undefined where a person has to do or to be told anything
 * more: that is left to the whole program.
 */
export async function printStoredToken(flags: Flags): Promise<number | undefined> {
  const settings = readSettings(flags);
  const remembered = readRememberedApp(settings.db, settings.app);
  const clientId = settings.clientId ?? remembered?.clientId;
  if (settings.verbose || !clientId) return undefined;

  const encryptionKey = readPassphrase(settings);
  let guard: Promise<import('./interrupt.ts').Interrupt> | undefined;
  const handler = openHandler(settings, {
    clientId,
    scopes: remembered?.scopes ?? defaultScopes,
    interactive: false,
    ...(encryptionKey !== undefined && { encryptionKey }),
    onEvent: ({ type }) => {
      // From now on there is something that a signal must not cut off.
      if (type === 'refresh-started') guard ??= guardRefresh();
    },
  });
  try {
    const { token, expiresOnTimestamp: expiresAt } = await handler.asTokenCredential().getToken([]);
    (await guard)?.signal.throwIfAborted();
    writeOut(settings.json ? `${JSON.stringify({ token, expiresAt })}\n` : `${token}\n`);
    return 0;
  } catch (error) {
    if (mayAsk(settings) && isForPerson(error)) return undefined;
    const { reportError } = await import('./report-error.ts');
    const signal = (await guard)?.signal;
    return reportError(signal?.aborted ? signal.reason : error, settings);
  } finally {
    await handler.close();
  }
}

/** Whether a sign-in or a passphrase would help. */
function isForPerson(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return code === 'SIGN_IN_REQUIRED' || cause?.code === 'STORE_KEY';
}

async function guardRefresh(): Promise<import('./interrupt.ts').Interrupt> {
  const { Interrupt, refreshing } = await import('./interrupt.ts');
  const interrupt = new Interrupt();
  interrupt.busyWith = refreshing;
  return interrupt;
}
