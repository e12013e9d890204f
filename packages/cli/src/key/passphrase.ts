import type { Settings } from '../settings/settings.ts';
import { UsageError } from '../usage-error.ts';

const fs = process.getBuiltinModule('node:fs');

/**
 * The passphrase of the database, from the variable or the file; undefined where none is set. Never from an argument,
 * which any user of the machine could read. Throws UsageError for a file that is empty or can't be read.
 */
export function readPassphrase(settings: Settings, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.ONEDRIVE_TOKEN_KEY && !settings.flags.keyFile) return env.ONEDRIVE_TOKEN_KEY;
  if (!settings.keyFile) return undefined;
  return readKeyFile('--key-file', settings.keyFile);
}

/** The passphrase in a file that `option` names. Throws UsageError for one that is empty or can't be read. */
export function readKeyFile(option: string, file: string): string {
  let content: string;
  try {
    content = fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${option}: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`);
  }
  // What an editor or `echo` puts at the end is not meant.
  const passphrase = content.replace(/\r?\n$/, '');
  if (passphrase === '') throw new UsageError(`${option}: ${file} is empty`);
  return passphrase;
}
