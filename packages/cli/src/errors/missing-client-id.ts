import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { UsageError } from '../terminal/failure.ts';

/**
 * Tells how to get a client id. Each person registers an app of their own, because none is built in. `trouble`: why a client
 * id that was remembered can't be read.
 */
export function missingClientId(settings: Settings, trouble?: string): UsageError {
  return new UsageError(`${trouble === undefined ? '' : `${trouble}, so that no client id is known.\n`}no client id yet. Register an app of your own, once:

  https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/CreateApplicationBlade

  Supported account types   Personal Microsoft accounts
  Redirect URI              Public client/native (mobile & desktop): http://localhost
  Authentication            Allow public client flows: Yes (only --device needs it)

No directory yet? That page links to Azure (free, but asks for a payment card).

Then sign in with its "Application (client) ID". It is remembered:

  ${suggestCommand('login', settings)} --client-id <ID>`);
}
