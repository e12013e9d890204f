import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { UsageError } from '../usage-error.ts';

/** Tells who has no client id yet how to get one: each person registers their own, none is built in. */
export function missingClientId(settings: Settings): UsageError {
  return new UsageError(`no client id yet. Register an app of your own, once:

  https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/CreateApplicationBlade

  Supported account types   Personal Microsoft accounts
  Redirect URI              Public client/native (mobile & desktop): http://localhost
  Authentication            Allow public client flows: Yes (needed for --device only)

No directory yet? That page links to Azure (free, wants a card).

Then sign in with its "Application (client) ID"; it is remembered:

  ${suggestCommand('login', settings)} --client-id <ID>`);
}
