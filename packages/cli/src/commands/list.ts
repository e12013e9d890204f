import { listAppNames } from 'onedrive-token-handler';
import { withDatabase } from '../session/database.ts';
import type { Command } from '../settings/command.ts';
import { exitStatus } from '../terminal/failure.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/streams.ts';

/** Prints the app names that have tokens, one per line. Never makes or changes a file. */
export async function list(command: Command): Promise<number> {
  const { settings } = command;
  const names = await withDatabase(command, listAppNames, { readOnly: true });
  writeOut(settings.json ? `${JSON.stringify(names)}\n` : names.map((name) => `${printable(name)}\n`).join(''));
  return exitStatus.done;
}
