import { forgetTokens, listAppNames } from 'onedrive-token-handler';
import { withDatabase } from '../session/database.ts';
import { defineCommand } from '../settings/define-command.ts';
import { exitStatus } from '../terminal/failure.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/streams.ts';

/** Deletes the stored tokens of one app name, or of all. */
export const logout = defineCommand({
  name: 'logout',
  summary: 'sign out, which deletes the stored tokens',
  description: `Deletes the tokens of one app name, or of all, from the database. The client id stays remembered. Microsoft does not notice. To revoke the access itself, go to https://account.live.com/consent/Manage.

With --json: an array of the app names whose tokens were deleted.`,
  examples: [
    ['onedrive-token logout', 'the default app name'],
    ['onedrive-token logout --all', 'every app name in the database'],
  ],
  needsDatabase: true,
  options: { all: { flags: '--all', description: 'every app name in the database' } },
  async run(command, { all }) {
    const { settings, screen } = command;
    const signedOut = await withDatabase(command, async (database) => {
      const names: string[] = [];
      for (const name of all ? await listAppNames(database) : [settings.app]) {
        if (await forgetTokens(name, database)) names.push(name);
      }
      return names;
    });
    if (settings.json) writeOut(`${JSON.stringify(signedOut)}\n`);
    else if (signedOut.length === 0) screen.say('Not signed in: there was nothing to delete.');
    else for (const name of signedOut) screen.say(`Signed out of ${printable(name)}.`);
    return exitStatus.done;
  },
});
