import type { Settings } from './settings.ts';
import { UsageError } from './usage-error.ts';

const fs = process.getBuiltinModule('node:fs');

/**
 * The passphrase of the database, from the variable or the file; undefined where none is set. Never from an argument,
 * which any user of the machine could read. Throws UsageError for a file that is empty or can't be read.
 */
export function readPassphrase(settings: Settings, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.ONEDRIVE_TOKEN_KEY && !settings.flags.keyFile) return env.ONEDRIVE_TOKEN_KEY;
  if (!settings.keyFile) return undefined;
  let content: string;
  try {
    content = fs.readFileSync(settings.keyFile, 'utf8');
  } catch (error) {
    throw new UsageError(`--key-file: cannot read ${settings.keyFile} (${(error as NodeJS.ErrnoException).code})`);
  }
  // What an editor or `echo` puts at the end is not meant.
  const passphrase = content.replace(/\r?\n$/, '');
  if (passphrase === '') throw new UsageError(`--key-file: ${settings.keyFile} is empty`);
  return passphrase;
}
