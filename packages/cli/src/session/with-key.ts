// Where the key of the database comes from: a variable, a file, a question (passphrase.ts), or the keyring (keyring-entry.ts).
import { existsSync } from 'node:fs';
import { changeEncryptionKey, listAppNames } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { isKeyError } from '../settings/describe-error.ts';
import { readKeyringAccount, realDatabase, rememberKeyring } from '../settings/private-files.ts';
import type { KeyringEntry } from './keyring-entry.ts';
import { readPassphrase, withPassphrase } from './passphrase.ts';

/**
 * Calls `use` with the key of the database: the passphrase that is set; otherwise, if the database needs a key, the one in the
 * keyring or a passphrase that the person is asked for. With --keyring, moves the key into the keyring first, unless `readOnly`
 * says that nothing may be changed. The key of a PostgreSQL database is never in the keyring: the machines that share it have no common keyring.
 */
export async function withKey<T>(
  command: Command,
  use: (key: string | Uint8Array | undefined) => Promise<T>,
  { readOnly = false }: { readOnly?: boolean } = {},
): Promise<T> {
  const { db, keyring, postgresUrl } = command.settings;
  if (keyring && !readOnly) await moveToKeyring(command);
  const passphrase = readPassphrase(command.settings);
  const mayBeInKeyring = postgresUrl === undefined && (keyring || passphrase === undefined);
  const remembered = mayBeInKeyring ? readKeyringAccount(db) : undefined;
  if (!mayBeInKeyring || (remembered === undefined && !keyring)) return withPassphrase(command, use);
  const opened = await unlessKeyError(() => use(remembered === undefined ? passphrase : undefined));
  if (opened) return opened.result;
  const entry = await openEntry(remembered, command);
  const key = await entry.read();
  const found = key && (await unlessKeyError(() => use(key)));
  if (found) return found.result;
  if (remembered !== undefined) throw entry.keyLost(db, key);
  // The key has yet to be moved into the keyring.
  return withPassphrase(command, use);
}

/**
 * Encrypts the database with a key in the keyring, unless it already is. Its tokens stay, whether they were encrypted or not.
 * The order makes a crash harmless: first the keyring has the key, then the key's place is remembered, then the database is
 * encrypted.
 */
export async function moveToKeyring(command: Command): Promise<void> {
  const { settings, screen } = command;
  const { db } = settings;
  const remembered = readKeyringAccount(db);
  const entry = await openEntry(remembered, command);
  const found = await entry.read();
  if (found && (await isOpenedBy(db, found))) return rememberKeyring(db, entry.account);
  const encrypt = (passphrase: string | undefined): Promise<void> =>
    changeEncryptionKey({ dbFilepath: db, encryptionKey: passphrase }, async () => {
      const key = await entry.readOrMake();
      rememberKeyring(db, entry.account);
      return key;
    });
  if (remembered === undefined) await withPassphrase(command, encrypt);
  else if (!(await unlessKeyError(() => encrypt(readPassphrase(settings))))) throw entry.keyLost(db, found);
  screen.say(`${db} is encrypted now; the keyring has the key.`);
}

/** Most people have no keyring entry, so its code is loaded when it is needed. */
async function openEntry(account: string | undefined, command: Command): Promise<KeyringEntry> {
  const { KeyringEntry } = await import('./keyring-entry.ts');
  return new KeyringEntry(account ?? realDatabase(command.settings.db), command);
}

async function isOpenedBy(db: string, encryptionKey: Uint8Array): Promise<boolean> {
  return existsSync(db) && (await unlessKeyError(() => listAppNames({ dbFilepath: db, encryptionKey }))) !== undefined;
}

/** What `work` resolves with, or undefined if the database needs another key. */
async function unlessKeyError<T>(work: () => Promise<T>): Promise<{ readonly result: T } | undefined> {
  try {
    return { result: await work() };
  } catch (error) {
    if (!isKeyError(error)) throw error;
    return undefined;
  }
}
