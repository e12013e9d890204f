import { besideDatabase } from '../beside-database.ts';
import { readEntries, writeEntry } from './private-json.ts';

const fs = process.getBuiltinModule('node:fs');

/** The account under which the keyring has the key of this database; undefined where it has none. */
export function readKeyringAccount(db: string): string | undefined {
  const { account } = readEntries(rememberedFile(db));
  return typeof account === 'string' && account !== '' ? account : undefined;
}

/** Throws what the file system says. */
export function rememberKeyring(db: string, account: string): void {
  writeEntry(rememberedFile(db), 'account', account);
}

/** Throws what the file system says. */
export function forgetKeyring(db: string): void {
  fs.rmSync(rememberedFile(db), { force: true });
}

/** Beside the database, so that one which is moved takes the name of its key along. */
function rememberedFile(db: string): string {
  return besideDatabase(db, '.keyring.json');
}
