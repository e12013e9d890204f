import { readFileSync, statSync } from 'node:fs';
import type { Command } from '../settings/command.ts';
import { mayAsk, type Settings } from '../settings/settings.ts';
import { UsageError } from '../terminal/failure.ts';
import type { Interrupt } from '../terminal/interrupt.ts';

/**
 * The passphrase of the database, from the variable or the file; undefined if none is set. No option takes it, because every
 * user of the machine can read a command line. Throws UsageError if the file is empty or can't be read.
 */
export function readPassphrase({ keyFile, flags }: Settings): string | undefined {
  const { ONEDRIVE_TOKEN_KEY } = process.env;
  if (ONEDRIVE_TOKEN_KEY && !flags.keyFile) return ONEDRIVE_TOKEN_KEY;
  return keyFile ? readKeyFile('--key-file', keyFile) : undefined;
}

/** The passphrase in a file that `option` names. Throws UsageError if the file is empty, can't be read, or can be read by all. */
export function readKeyFile(option: string, file: string): string {
  let content: string;
  let mode: number;
  try {
    content = readFileSync(file, 'utf8');
    mode = statSync(file).mode;
  } catch (error) {
    throw new UsageError(`${option}: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`);
  }
  // Windows has no mode bits.
  if (process.platform !== 'win32' && mode & 0o004) {
    throw new UsageError(`${option}: every user of this computer can read ${file}`, {
      remedy: `Run: chmod 600 ${file}`,
    });
  }
  // An editor or `echo` ends the file with a line break, which is not part of the passphrase.
  const passphrase = content.replace(/\r?\n$/, '');
  if (passphrase === '') throw new UsageError(`${option}: ${file} is empty`);
  return passphrase;
}

/**
 * Asks for a new passphrase, twice. Throws UsageError if the two differ, or if there is no terminal to ask on: then
 * `remedy` says what to do.
 */
export async function choosePassphrase({ settings, interrupt }: Command, remedy: string): Promise<string> {
  if (!mayAsk(settings)) throw new UsageError('--encrypt: there is no terminal to ask you on', { remedy });
  const passphrase = await askPassphrase(`New passphrase for ${settings.db}: `, interrupt);
  if (passphrase === '') throw new UsageError('--encrypt: an empty passphrase encrypts nothing');
  if (passphrase !== (await askPassphrase('Once more: ', interrupt)))
    throw new UsageError('--encrypt: the two passphrases differ');
  return passphrase;
}

/** Asks on the terminal, and shows nothing of what is typed. */
export async function askPassphrase(question: string, interrupt: Interrupt): Promise<string> {
  // Most commands do without the terminal's reader.
  const { askLine } = await import('../terminal/line-reader.ts');
  return askLine(question, interrupt, { isHidden: true });
}
