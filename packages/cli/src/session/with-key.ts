// Where the key of the database comes from: a variable, a file, a question, or the keyring.
import type { Command } from '../settings/command.ts';
import { isKeyError } from '../settings/describe-error.ts';
import { readKeyringAccount } from '../settings/remembered-keyring.ts';
import { KeyringEntry } from './keyring-entry.ts';
import { moveToKeyring } from './move-to-keyring.ts';
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
  const { settings } = command;
  if (settings.keyring && !readOnly) await moveToKeyring(command);
  if (settings.postgresUrl !== undefined) return withPassphrase(command, use);
  const isForKeyring = settings.keyring || readPassphrase(settings) === undefined;
  const account = isForKeyring ? readKeyringAccount(settings.db) : undefined;
  if (account === undefined) return withPassphrase(command, use);
  try {
    return await use(undefined);
  } catch (error) {
    if (!isKeyError(error)) throw error;
  }
  const entry = new KeyringEntry(account, command);
  const key = await entry.read();
  if (!key) throw entry.keyLostFailure(settings.db, undefined);
  return entry.orKeyLost(settings.db, key, () => use(key));
}
