import { forgetTokens, listAppNames } from 'onedrive-token-handler';
import { withDatabase } from '../session/database.ts';
import type { Command } from '../settings/command.ts';
import { exitStatus } from '../terminal/failure.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/streams.ts';

/** Deletes the stored tokens of one app name, or of all. The client id stays remembered. */
export async function logout(command: Command, { all }: { all?: boolean }): Promise<number> {
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
}
