import { existsSync } from 'node:fs';
import { changeEncryptionKey, listAppNames } from 'onedrive-token-handler';
import type { Command } from '../command.ts';
import { exitStatus } from '../exit-status.ts';
import { forgetKeyring, readKeyringAccount } from '../files/remembered-keyring.ts';
import { moveToKeyring } from '../key/move-to-keyring.ts';
import { readKeyFile } from '../key/passphrase.ts';
import { withKey } from '../key/with-key.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { choosePassphrase } from '../terminal/ask-passphrase.ts';
import { Failure } from '../terminal/failure.ts';
import { UsageError } from '../usage-error.ts';

export interface RekeyOptions {
  /** With a new passphrase. */
  encrypt?: boolean;
  newKeyFile?: string;
  /** Not at all any more. */
  decrypt?: boolean;
}

/** Changes what encrypts the database; every sign-in in it stays. */
export async function rekey(command: Command, { encrypt, newKeyFile, decrypt }: RekeyOptions): Promise<number> {
  const { settings, screen } = command;
  const { db } = settings;
  const hasPassphrase = encrypt || newKeyFile !== undefined;
  if ([settings.keyring, hasPassphrase, decrypt].filter(Boolean).length !== 1) {
    throw new UsageError(
      'expected one of --keyring (which ONEDRIVE_TOKEN_KEYRING sets too), --encrypt or --new-key-file, --decrypt',
    );
  }
  if (!existsSync(db)) {
    const login = suggestCommand('login', settings);
    throw new Failure(`there is no database ${db}, and nothing to encrypt yet. Run: ${login}`, exitStatus.database);
  }
  if (settings.keyring) {
    await moveToKeyring(command);
    return exitStatus.done;
  }
  await withKey(command, async (encryptionKey) => {
    const before = { dbFilepath: db, ...(encryptionKey !== undefined && { encryptionKey }) };
    // Nobody is asked for a new passphrase in vain.
    await listAppNames(before);
    const next = await chooseKey(command, { newKeyFile, decrypt });
    await changeEncryptionKey(before, () => next);
  });
  screen.say(decrypt ? `${db} is not encrypted any more.` : `${db} is encrypted with the new passphrase.`);
  const account = readKeyringAccount(db);
  forgetKeyring(db);
  // It may be the key of a copy, of which nobody knows here.
  if (account !== undefined) {
    screen.say(`The keyring still has the old key (service onedrive-token, account ${account}); only copies need it.`);
  }
  return exitStatus.done;
}

async function chooseKey(
  command: Command,
  { newKeyFile, decrypt }: { newKeyFile: string | undefined; decrypt: boolean | undefined },
): Promise<string | undefined> {
  if (decrypt) return undefined;
  return newKeyFile === undefined
    ? choosePassphrase(command, 'use --new-key-file')
    : readKeyFile('--new-key-file', newKeyFile);
}
