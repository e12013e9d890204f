import { UsageError } from '../terminal/failure.ts';
import type { Settings } from './settings.ts';
import { suggestCommand } from './suggest-command.ts';

/** Each person registers an app of their own, because none is built in. */
export const registrationSteps = `Register an app of your own:

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
