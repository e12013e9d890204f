import { listAppNames } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { withKey } from '../key/with-key.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/streams.ts';

/** Prints the app names that have tokens, a line each. */
export async function list(command: Command): Promise<number> {
  const { settings } = command;
  const names = await withKey(command, (encryptionKey) =>
    listAppNames({ dbFilepath: settings.db, ...(encryptionKey !== undefined && { encryptionKey }) }),
  );
  writeOut(settings.json ? `${JSON.stringify(names)}\n` : names.map((name) => `${printable(name)}\n`).join(''));
  return exitStatus.done;
}
