import { needsSignIn, warnOfEnd } from '../session/stored-sign-in.ts';
import { readStatus } from '../session/token-source.ts';
import { defineCommand } from '../settings/command.ts';
import { suggestCommand } from '../settings/settings.ts';
import { exitStatus, Failure } from '../terminal/failure.ts';
import { printable, writeAnswer } from '../terminal/printable.ts';

export const whoami = defineCommand({
  name: 'whoami',
  summary: 'print the user name of the account',
  description: `Prints the user name of the account that is signed in, as the stored sign-in says. Sends no request. Ends with status 3 if no user is signed in.

With --json: {"name"?: string, "username"?: string, "id"?: string}.`,
  examples: [
    ['onedrive-token whoami', 'for you'],
    ['onedrive-token whoami --app family', 'which account is that?'],
  ],
  async run(command) {
    const { settings } = command;
    const { found, missing } = await readStatus(command);
    warnOfEnd(found, settings);
    if (missing) throw missing;
    const { account = {} } = found;
    const name = account.username ?? account.name;
    if (name === undefined) {
      throw new Failure('the stored sign-in has no account name', {
        remedy: `The next refresh or sign-in stores it. Run: ${suggestCommand('token --refresh', settings)}`,
      });
    }
    writeAnswer(`${settings.json ? JSON.stringify(account) : printable(name)}\n`);
    return needsSignIn(found) ? exitStatus.signInNeeded : exitStatus.done;
  },
});
