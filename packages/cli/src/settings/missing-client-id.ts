import { UsageError } from '../terminal/failure.ts';
import type { Command } from './command.ts';
import type { Settings } from './settings.ts';
import { suggestCommand } from './suggest-command.ts';

/** Each person registers an app of their own, because none is built in. */
const registrationSteps = `Register an app of your own:

  https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/CreateApplicationBlade

  Supported account types   Personal Microsoft accounts
  Redirect URI              Public client/native (mobile & desktop): http://localhost
  Authentication            Allow public client flows: Yes (only --device needs it)

No directory yet? That page links to Azure (free, but asks for a payment card).
Used the Python class until now? Its database works here, without a sign-in:
  onedrive-token --db ./tokens.db --app APP-NAME --client-id ID`;

/** No client id is known. Tells how to get one. */
export function missingClientId(settings: Settings): UsageError {
  return new UsageError(`no client id yet. ${registrationSteps}

Then sign in with its "Application (client) ID". It is remembered:

  ${suggestCommand('login', settings)} --client-id <ID>`);
}

/** Throws UsageError for what cannot be a client id of Microsoft. */
export function assertClientId(id: string): void {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return;
  throw new UsageError(`${JSON.stringify(id)} is no client id: it looks like 12345678-90ab-cdef-1234-567890abcdef`, {
    remedy: 'The overview page of the registration shows it. Then run login again',
  });
}

/** For the first sign-in on a terminal: explains how to register an app, and asks for its client id. Throws UsageError. */
export async function askClientId({ screen, interrupt }: Command): Promise<string> {
  const { askLine } = await import('../terminal/line-reader.ts');
  screen.say(`Welcome. One thing is needed first, once: a client id of your own.\n\n${registrationSteps}\n`);
  const typed = (await askLine('Its "Application (client) ID": ', interrupt)).trim();
  assertClientId(typed);
  return typed;
}
