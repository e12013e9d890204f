import { listAppNames } from 'onedrive-token-handler';
import { withDatabase } from '../session/database.ts';
import { defineCommand } from '../settings/command.ts';
import { printable, writeAnswer } from '../terminal/printable.ts';

export const list = defineCommand({
  name: 'list',
  summary: 'list the app names in the database',
  description:
    'Prints the app names that have tokens, sorted, one per line, in quotes if there are control characters in it. Never makes or changes a file. With --json: an array of strings.',
  examples: [
    ['onedrive-token list', 'for you'],
    ['onedrive-token list --json', 'for a program'],
  ],
  needsDatabase: true,
  async run(command) {
    const names = await withDatabase(command, listAppNames, { readOnly: true });
    // A name with a line break must not look like two names.
    const text = names.map((name) => `${printable(/\p{Cc}/u.test(name) ? JSON.stringify(name) : name)}\n`).join('');
    writeAnswer(command.settings.json ? `${JSON.stringify(names)}\n` : text);
  },
});
