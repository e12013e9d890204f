import { listAppNames } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { printable } from '../printable.ts';
import { writeOut } from '../streams.ts';
import { withKey } from '../with-key.ts';

/** Prints the app names that have tokens, a line each. */
export async function list(command: Command): Promise<number> {
  const { settings } = command;
  const names = await withKey(command, (encryptionKey) =>
    listAppNames({ dbFilepath: settings.db, ...(encryptionKey !== undefined && { encryptionKey }) }),
  );
  writeOut(settings.json ? `${JSON.stringify(names)}\n` : names.map((name) => `${printable(name)}\n`).join(''));
  return exitStatus.done;
}
