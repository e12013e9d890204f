// Which key opens the database: a passphrase, or the one in the keyring (keyring-entry.ts).
import { existsSync, readFileSync, statSync } from 'node:fs';
import { changeEncryptionKey, listAppNames } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { isKeyError } from '../settings/describe-error.ts';
import { readKeyringAccount, rememberKeyring } from '../settings/private-files.ts';
import { mayAsk, quote, type Settings } from '../settings/settings.ts';
import { UsageError } from '../terminal/failure.ts';
import { writeErr } from '../terminal/streams.ts';
import { KeyringEntry } from './keyring-entry.ts';

type Key = string | Uint8Array | undefined;

const maxQuestions = 3;

/**
 * Calls `use` with the keys that the database may have, one after the other, until one opens it. With --keyring, moves the key
 * into the keyring first, unless `readOnly` says that nothing may be changed.
 */
export async function withKey<T>(
  command: Command,
  use: (key: Key) => Promise<T>,
  { readOnly = false }: { readOnly?: boolean } = {},
): Promise<T> {
  if (command.settings.keyring && !readOnly) await moveToKeyring(command);
  return tryKeys(command, use);
}

/**
 * Encrypts the database with a key in the keyring, unless it already is. Its tokens stay, whether they were encrypted or not.
 * The order makes a crash harmless: first the keyring has the key, then the key's place is remembered, then the database is
 * encrypted.
 */
export async function moveToKeyring(command: Command): Promise<void> {
  const { db } = command.settings;
  const entry = new KeyringEntry(command, readKeyringAccount(db));
  const found = await entry.read();
  if (found && (await isOpenedBy(db, found))) return rememberKeyring(db, entry.account);
  await tryKeys(command, (key) =>
    changeEncryptionKey({ dbFilepath: db, encryptionKey: key }, async () => {
      const next = await entry.readOrMake();
      rememberKeyring(db, entry.account);
      return next;
    }),
  );
  command.screen.say(`${db} is encrypted now; the keyring has the key.`);
}

async function tryKeys<T>(command: Command, use: (key: Key) => Promise<T>): Promise<T> {
  let refusal: unknown;
  for await (const key of possibleKeys(command)) {
    try {
      return await use(key);
    } catch (error) {
      if (!isKeyError(error)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/**
 * Yields the passphrase that is set, or none; then the key in the keyring, or what the person types. Does not ask if a passphrase is set
 * and wrong: that is an error.
 */
async function* possibleKeys(command: Command): AsyncGenerator<Key, void> {
  const { settings, screen, interrupt } = command;
  const { db, keyring, postgresUrl } = settings;
  const passphrase = readPassphrase(settings);
  // A PostgreSQL URL is not a path, so no file with that name is read.
  const isRemembered = postgresUrl === undefined && (keyring || passphrase === undefined);
  const account = isRemembered ? readKeyringAccount(db) : undefined;
  yield passphrase ?? command.passphrase;
  if (account !== undefined || keyring) {
    const entry = new KeyringEntry(command, account);
    const key = await entry.read();
    if (key) yield key;
    if (account !== undefined) throw entry.keyLost(db);
  }
  if (passphrase !== undefined || !mayAsk(settings)) return;
  for (let asked = 0; asked < maxQuestions; asked++) {
    if (asked > 0) writeErr('That is not the passphrase.\n');
    command.passphrase = (await screen.ask(`Passphrase of ${db}: `, interrupt, { isHidden: true })) || undefined;
    yield command.passphrase;
  }
}

async function isOpenedBy(db: string, encryptionKey: Uint8Array): Promise<boolean> {
  try {
    await listAppNames({ dbFilepath: db, encryptionKey });
    return existsSync(db);
  } catch (error) {
    if (!isKeyError(error)) throw error;
    return false;
  }
}

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
      remedy: `Run: chmod 600 ${quote(file)}`,
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
export async function choosePassphrase(command: Command, remedy: string): Promise<string> {
  const { settings, screen, interrupt } = command;
  const ask = (question: string): Promise<string> => screen.ask(question, interrupt, { isHidden: true });
  if (!mayAsk(settings)) throw new UsageError('--encrypt: there is no terminal to ask you on', { remedy });
  const passphrase = await ask(`New passphrase for ${settings.db}: `);
  if (passphrase === '') throw new UsageError('--encrypt: an empty passphrase encrypts nothing');
  if (passphrase !== (await ask('Once more: '))) throw new UsageError('--encrypt: the two passphrases differ');
  return passphrase;
}
