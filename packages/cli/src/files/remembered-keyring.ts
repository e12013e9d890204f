import { besideDatabase, readEntries, writeEntry } from './private-json.ts';

const fs = process.getBuiltinModule('node:fs');

/** The keyring account that holds this database's key. undefined if the key is not in the keyring. */
export function readKeyringAccount(db: string): string | undefined {
  const { account } = readEntries(rememberedFile(db));
  return typeof account === 'string' && account !== '' ? account : undefined;
}

/** Throws the file system's error. */
export function rememberKeyring(db: string, account: string): void {
  writeEntry(rememberedFile(db), 'account', account);
}

/** Throws the file system's error. */
export function forgetKeyring(db: string): void {
  fs.rmSync(rememberedFile(db), { force: true });
}

/** It stands beside the database, so that a folder that is moved keeps the name of its key. */
function rememberedFile(db: string): string {
  return besideDatabase(db, '.keyring.json');
}
