import { changeEncryptionKey } from 'onedrive-token-handler';
import { chooseSignIns, sharedTableOptions } from '../session/choose-sign-ins.ts';
import { databaseExists, withDatabase } from '../session/database.ts';
import { choosePassphrase, moveToKeyring, readKeyFile } from '../session/key.ts';
import { defineCommand } from '../settings/command.ts';
import { rememberKeyring } from '../settings/private-files.ts';
import { suggestCommand } from '../settings/settings.ts';
import { exitStatus, Failure, UsageError } from '../terminal/failure.ts';

export const rekey = defineCommand({
  name: 'rekey',
  summary: 'change how the database is encrypted',
  description: `Encrypts the database with a key in the keyring of the system (--keyring) or with a new passphrase (--encrypt, --new-key-file), or stores tokens unencrypted (--decrypt). Every sign-in in it stays. On PostgreSQL, it first shows the number of sign-ins and client ids, and asks you to type the name of the table. The present passphrase comes from ONEDRIVE_TOKEN_KEY or --key-file; otherwise the command asks you for it.

The keyring is GNOME Keyring or KWallet over D-Bus, the Keychain of macOS, or the Credential Manager of Windows. While it is unlocked, every program that you run in your session can read the key. The keyring needs one more package. Run: npm install --global @napi-rs/keyring`,
  examples: [
    ['onedrive-token rekey --keyring', 'move the key into the keyring; later commands find it there'],
    ['onedrive-token rekey --encrypt', 'ask for a new passphrase and encrypt with it'],
    ['onedrive-token rekey --decrypt', 'store tokens unencrypted; only the file mode protects them'],
  ],
  needsDatabase: true,
  options: {
    encrypt: { flags: '--encrypt', description: 'ask for a new passphrase and encrypt with it' },
    newKeyFile: { flags: '--new-key-file <file>', description: 'encrypt with the new passphrase in this file' },
    decrypt: { flags: '--decrypt', description: 'store tokens unencrypted', conflicts: ['encrypt', 'newKeyFile'] },
    ...sharedTableOptions,
  },
  async run(command, { encrypt, newKeyFile, decrypt, ...shared }) {
    const { settings, screen } = command;
    const { db, postgresUrl } = settings;
    if ([settings.keyring, encrypt || newKeyFile, decrypt].filter(Boolean).length !== 1) {
      throw new UsageError(
        'expected one of --keyring (or ONEDRIVE_TOKEN_KEYRING), --encrypt or --new-key-file, --decrypt',
      );
    }
    if (!databaseExists(settings)) {
      throw new Failure(`there is no database ${db}, so there is nothing to encrypt`, {
        status: exitStatus.database,
        remedy: `Run: ${suggestCommand('login', settings)}`,
      });
    }
    if (settings.keyring) {
      await moveToKeyring(command);
      return;
    }
    await withDatabase(command, async (before) => {
      // Fails if the present key is wrong, before the person is asked for a new passphrase.
      await chooseSignIns(command, before, { ...shared, verb: decrypt ? 'decrypt' : 'encrypt', isOfWholeTable: true });
      let next: string | undefined;
      if (newKeyFile !== undefined) next = readKeyFile('--new-key-file', newKeyFile);
      else if (encrypt) next = await choosePassphrase(command, 'Use --new-key-file');
      await changeEncryptionKey(before, () => next);
    });
    screen.say(decrypt ? `${db} is not encrypted any more.` : `${db} is encrypted with the new passphrase.`);
    // The keyring keeps the key, because a copy of the database may need it.
    if (postgresUrl === undefined) rememberKeyring(db, undefined);
  },
});
