import { forgetTokens } from 'onedrive-token-handler';
import { chooseSignIns, readClientId, sharedTableOptions, spareOtherClient } from '../session/choose-sign-ins.ts';
import { withDatabase } from '../session/database.ts';
import { forgetUploads } from '../session/unfinished-uploads.ts';
import { type Command, defineCommand } from '../settings/command.ts';
import { Failure, UsageError } from '../terminal/failure.ts';
import { writeAnswer } from '../terminal/printable.ts';

export const logout = defineCommand({
  name: 'logout',
  summary: 'sign out, which deletes the stored tokens',
  description: `Deletes the tokens of one app name, or of all, from the database, and with them the client id: the next login needs --client-id. Unfinished uploads cannot be continued then. It sends nothing to Microsoft. To revoke the access itself, go to https://account.live.com/consent/Manage.

PostgreSQL is shared: there, --all means the sign-ins of your client id, says how many they are, and asks you to type the name of the table. If you name a client id, it asks before it deletes a sign-in of another one.

With --json: an array of the app names whose tokens were deleted.`,
  examples: [
    ['onedrive-token logout', 'the default app name'],
    ['onedrive-token logout --all', 'every app name in the database'],
  ],
  needsDatabase: true,
  options: { all: { flags: '--all', description: 'every app name in the database' }, ...sharedTableOptions },
  async run(command, { all, ...shared }) {
    const { settings } = command;
    // Without this, a person who leaves out --all would believe that those sign-ins are deleted.
    if (shared.allClients && !all) throw new UsageError('--all-clients: expected --all with it');
    /** By app name: the client id that was deleted with the tokens. */
    const signedOut = new Map<string, string | undefined>();
    const touched: string[] = [];
    const failures: unknown[] = [];
    try {
      await withDatabase(command, async (database) => {
        const names = all ? await chooseSignIns(command, database, { ...shared, verb: 'sign out' }) : [settings.app];
        for (const name of names) {
          const clientId = await readClientId(name, database);
          const meant = all ? undefined : settings.clientId;
          await spareOtherClient(command, { verb: 'delete', meant, stored: clientId, yes: shared.yes });
          if (await forgetTokens(name, database)) signedOut.set(name, clientId);
          touched.push(name);
        }
      });
    } catch (error) {
      failures.push(error);
    }
    // After a failure too, it has to be said which client id was deleted.
    const isAnswered = failures.length === 0 || signedOut.size > 0;
    // Upload addresses work without a token, and the next logout would not find a sign-in that is already deleted.
    for (const app of touched) {
      try {
        forgetUploads({ ...settings, app });
      } catch (error) {
        const deleted = 'the tokens were deleted, but the addresses of unfinished uploads were not: ';
        const { message } = error as Error;
        failures.push(signedOut.has(app) ? new Failure(deleted + message, { cause: error }) : error);
      }
    }
    try {
      if (isAnswered) report(command, signedOut);
    } catch (error) {
      failures.push(error);
    }
    // Why tokens or addresses were not deleted matters more than that nobody reads the answer.
    if (failures.length > 0) throw failures[0];
  },
});

function report({ settings, screen }: Command, signedOut: ReadonlyMap<string, string | undefined>): void {
  if (settings.json) writeAnswer(`${JSON.stringify([...signedOut.keys()])}\n`);
  else if (signedOut.size === 0) screen.say('Not signed in: there was nothing to delete.');
  for (const [name, clientId] of settings.json ? [] : signedOut) {
    const next = clientId === undefined ? '' : ` The next login needs --client-id ${clientId}`;
    screen.say(`Signed out of ${name}.${next}`);
  }
}
