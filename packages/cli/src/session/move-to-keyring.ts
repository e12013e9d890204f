import { changeEncryptionKey, listAppNames } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { isKeyError } from '../settings/describe-error.ts';
import { realDatabase } from '../settings/private-json.ts';
import { readKeyringAccount, rememberKeyring } from '../settings/remembered-keyring.ts';
import { KeyringEntry } from './keyring-entry.ts';
import { readPassphrase, withPassphrase } from './passphrase.ts';

const fs = process.getBuiltinModule('node:fs');

/**
 * Encrypts the database with a key in the keyring, unless it already is. Its tokens stay, whether they were encrypted or not.
 * The order makes a crash harmless: first the keyring has the key, then the key's place is remembered, then the database is
 * encrypted.
 */
export async function moveToKeyring(command: Command): Promise<void> {
  const { settings, screen } = command;
  const { db } = settings;
  const remembered = readKeyringAccount(db);
  const entry = new KeyringEntry(remembered ?? realDatabase(db), command);
  const found = await entry.read();
  if (found && (await isOpenedBy(db, found))) return rememberKeyring(db, entry.account);
  const encrypt = (passphrase: string | undefined): Promise<void> =>
    changeEncryptionKey({ dbFilepath: db, encryptionKey: passphrase }, async () => {
      const key = await entry.readOrMake();
      rememberKeyring(db, entry.account);
      return key;
    });
  if (remembered === undefined) await withPassphrase(command, encrypt);
  else await entry.orKeyLost(db, found, () => encrypt(readPassphrase(settings)));
  screen.say(`${db} is encrypted now; the keyring has the key.`);
}

async function isOpenedBy(db: string, encryptionKey: Uint8Array): Promise<boolean> {
  if (!fs.existsSync(db)) return false;
  try {
    await listAppNames({ dbFilepath: db, encryptionKey });
    return true;
  } catch (error) {
    if (isKeyError(error)) return false;
    throw error;
  }
}
