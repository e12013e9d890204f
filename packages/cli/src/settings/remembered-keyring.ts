import { besideDatabase, readEntries, writeEntry } from './private-json.ts';

const fs = process.getBuiltinModule('node:fs');

/** The keyring account that holds this database's key. undefined if the key is not in the keyring. */
export function readKeyringAccount(db: string): string | undefined {
  const { account } = readEntries(keyringFile(db));
  return typeof account === 'string' && account !== '' ? account : undefined;
}

/** Throws the file system's error. */
export function rememberKeyring(db: string, account: string): void {
  writeEntry(keyringFile(db), 'account', account);
}

/** Throws the file system's error. */
export function forgetKeyring(db: string): void {
  fs.rmSync(keyringFile(db), { force: true });
}

/** The file that names the keyring account. It stays with the database if their folder is moved. */
export function keyringFile(db: string): string {
  return besideDatabase(db, '.keyring.json');
}
