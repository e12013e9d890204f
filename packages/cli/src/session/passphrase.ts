import { readFileSync, statSync } from 'node:fs';
import type { Command } from '../settings/command.ts';
import { isKeyError } from '../settings/describe-error.ts';
import { mayAsk, type Settings } from '../settings/settings.ts';
import { UsageError } from '../terminal/failure.ts';
import type { Interrupt } from '../terminal/interrupt.ts';
import { writeErr } from '../terminal/streams.ts';

const maxQuestions = 3;

/**
 * Calls `use` with the passphrase that is set. If none is set and the database needs one, asks the person for it, up to three
 * times if it is wrong, and calls `use` again.
 */
export async function withPassphrase<T>(
  command: Pick<Command, 'settings' | 'interrupt' | 'passphrase'>,
  use: (passphrase: string | undefined) => Promise<T>,
): Promise<T> {
  const { settings, interrupt } = command;
  const given = readPassphrase(settings);
  let passphrase = given ?? command.passphrase;
  // If the passphrase that was set is wrong, that is an error and no question.
  const canAsk = given === undefined && mayAsk(settings);
  for (let asked = 0; ; asked++) {
    try {
      const result = await use(passphrase);
      if (asked > 0) command.passphrase = passphrase;
      return result;
    } catch (error) {
      if (!isKeyError(error) || !canAsk || asked === maxQuestions) throw error;
      if (asked > 0) writeErr('That is not the passphrase.\n');
      passphrase = await ask(`Passphrase of ${settings.db}: `, interrupt);
    }
  }
}

/**
 * The passphrase of the database, from the variable or the file; undefined if none is set. No option takes it, because every
 * user of the machine can read a command line. Throws UsageError if the file is empty or can't be read.
 */
export function readPassphrase(settings: Settings, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.ONEDRIVE_TOKEN_KEY && !settings.flags.keyFile) return env.ONEDRIVE_TOKEN_KEY;
  return settings.keyFile ? readKeyFile('--key-file', settings.keyFile) : undefined;
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
  const passphrase = await ask(`New passphrase for ${settings.db}: `, interrupt);
  if (passphrase === '') throw new UsageError('--encrypt: an empty passphrase encrypts nothing');
  if (passphrase !== (await ask('Once more: ', interrupt)))
    throw new UsageError('--encrypt: the two passphrases differ');
  return passphrase;
}

/** Loads the terminal's reader, which most commands do without. */
async function ask(question: string, interrupt: Interrupt): Promise<string> {
  const { askPassphrase } = await import('../terminal/line-reader.ts');
  return askPassphrase(question, interrupt);
}
