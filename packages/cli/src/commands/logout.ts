import { forgetTokens, listAppNames, readRecord } from 'onedrive-token-handler';
import { withDatabase } from '../session/database.ts';
import { defineCommand } from '../settings/command.ts';
import { exitStatus } from '../terminal/failure.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/streams.ts';

/** Deletes the stored tokens of one app name, or of all. */
export const logout = defineCommand({
  name: 'logout',
  summary: 'sign out, which deletes the stored tokens',
  description: `Deletes the tokens of one app name, or of all, from the database, and with them the client id: the next login needs --client-id. Microsoft does not notice. To revoke the access itself, go to https://account.live.com/consent/Manage.

With --json: an array of the app names whose tokens were deleted.`,
  examples: [
    ['onedrive-token logout', 'the default app name'],
    ['onedrive-token logout --all', 'every app name in the database'],
  ],
  needsDatabase: true,
  options: { all: { flags: '--all', description: 'every app name in the database' } },
  async run(command, { all }) {
    const { settings, screen } = command;
    /** By app name: the client id that is forgotten with the tokens. */
    const signedOut = new Map<string, string | undefined>();
    await withDatabase(command, async (database) => {
      for (const name of all ? await listAppNames(database) : [settings.app]) {
        const record = await readRecord(name, database);
        if (await forgetTokens(name, database)) signedOut.set(name, record?.clientId);
      }
    });
    if (settings.json) writeOut(`${JSON.stringify([...signedOut.keys()])}\n`);
    else if (signedOut.size === 0) screen.say('Not signed in: there was nothing to delete.');
    for (const [name, clientId] of settings.json ? [] : signedOut) {
      const next = clientId === undefined ? '' : ` The next login needs --client-id ${clientId}`;
      screen.say(printable(`Signed out of ${name}.${next}`));
    }
    return exitStatus.done;
  },
});
