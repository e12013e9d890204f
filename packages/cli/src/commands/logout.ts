import { forgetTokens, listAppNames } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { withKey } from '../key/with-key.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/streams.ts';

/** Forgets the stored tokens of one app name, or of all. The client id stays remembered. */
export async function logout(command: Command, { all }: { all?: boolean }): Promise<number> {
  const { settings, screen } = command;
  const forgotten = await withKey(command, async (encryptionKey) => {
    const store = { dbFilepath: settings.db, ...(encryptionKey !== undefined && { encryptionKey }) };
    const names: string[] = [];
    for (const name of all ? await listAppNames(store) : [settings.app]) {
      if (await forgetTokens(name, store)) names.push(name);
    }
    return names;
  });
  if (settings.json) writeOut(`${JSON.stringify(forgotten)}\n`);
  else if (forgotten.length === 0) screen.say('Nobody was signed in.');
  else for (const name of forgotten) screen.say(`Forgot the tokens of ${printable(name)}.`);
  return exitStatus.done;
}
