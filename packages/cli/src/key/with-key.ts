import type { Command } from '../command.ts';
import { readKeyringAccount } from '../files/remembered-keyring.ts';
import { lostKey } from '../keyring/lost-key.ts';
import { wantsKey } from '../wants-key.ts';
import { withPassphrase } from '../with-passphrase.ts';
import { KeyringEntry } from './keyring-entry.ts';
import { moveToKeyring } from './move-to-keyring.ts';
import { readPassphrase } from './passphrase.ts';

/**
 * Calls `use` with the key of the database: the passphrase that is set, else, where the database wants one at all, the key
 * in the keyring or a passphrase that the person is asked for. With --keyring the key is moved there first.
 */
export async function withKey<T>(
  command: Command,
  use: (key: string | Uint8Array | undefined) => Promise<T>,
): Promise<T> {
  const { settings } = command;
  if (settings.keyring) await moveToKeyring(command);
  const isForKeyring = settings.keyring || readPassphrase(settings) === undefined;
  const account = isForKeyring ? readKeyringAccount(settings.db) : undefined;
  if (account === undefined) return withPassphrase(command, use);
  try {
    return await use(undefined);
  } catch (error) {
    if (!wantsKey(error)) throw error;
  }
  const entry = new KeyringEntry(account, command);
  const key = await entry.read();
  if (!key) throw lostKey(settings.db, entry, key);
  try {
    return await use(key);
  } catch (error) {
    throw wantsKey(error) ? lostKey(settings.db, entry, key) : error;
  }
}
