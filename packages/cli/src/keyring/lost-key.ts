import { exitStatus } from '../exit-status.ts';
import type { KeyringEntry } from '../key/keyring-entry.ts';
import { Failure } from '../terminal/failure.ts';

/** Tells that the keyring has no key that opens the database, and that nothing is lost yet. */
export function lostKey(db: string, entry: KeyringEntry, key: Uint8Array | undefined): Failure {
  const what = key
    ? `${db} is encrypted with another key than that of ${entry}. If it has a passphrase by now, set ONEDRIVE_TOKEN_KEY or --key-file`
    : `${db} is encrypted, and ${entry} is gone`;
  return new Failure(
    `${what}. With the right entry back in the keyring, from a backup say, everything is there again; otherwise move the file away and sign in anew`,
    exitStatus.database,
  );
}
