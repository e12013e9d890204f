import type { DatabaseSync } from 'node:sqlite';
import { withDatabase } from '../../../session/database.ts';
import { KeyringEntry } from '../../../session/keyring-entry.ts';
import { readStoredSignIns, type StoredSignIns } from '../../../session/stored-sign-ins.ts';
import type { Command } from '../../../settings/command.ts';
import { readKeyringAccount } from '../../../settings/remembered-keyring.ts';
import type { Check, Finding } from '../check.ts';

const maxProblems = 3;

/** What the checks of the content share: the sign-in that is stored, read once. Throws STORE. */
export type ReadSignIns = () => Promise<StoredSignIns>;

/** Reads the database when the first check asks. */
export function signInReader(command: Command): ReadSignIns {
  let stored: Promise<StoredSignIns> | undefined;
  return () => {
    stored ??= withDatabase(command, (database) => readStoredSignIns(command.settings, database), { readOnly: true });
    return stored;
  };
}

/** Whether the file is undamaged, whether the keyring has its key, and whether the key that is there opens it. */
export function checkContents(command: Command, readSignIns: ReadSignIns): readonly Check[] {
  const { db } = command.settings;
  return [
    { name: 'integrity', needs: ['database'], run: () => checkIntegrity(db) },
    { name: 'keyring', needs: ['database'], run: () => checkKeyring(command) },
    {
      name: 'encryption',
      needs: ['integrity', 'keyring'],
      async run() {
        await readSignIns();
        if (!isEncrypted(db)) return { ok: true, detail: 'not encrypted: only the file mode protects the tokens' };
        return { ok: true, detail: 'encrypted, and the key that is set opens it' };
      },
    },
  ];
}

function checkIntegrity(db: string): Finding {
  try {
    const problems = read(db, (database) => database.prepare('PRAGMA integrity_check').all());
    const texts = problems.map((row) => String(Object.values(row)[0]));
    if (texts.join() === 'ok') return { ok: true, detail: 'every page of the database is in order' };
    return {
      ok: false,
      detail: `the database is damaged: ${texts.slice(0, maxProblems).join('; ')}`,
      remedy: ifDamaged(db),
    };
  } catch (error) {
    const { message, errcode } = error as Error & { errcode?: number };
    // SQLITE_BUSY, in all its forms.
    if (errcode !== undefined && (errcode & 0xff) === 5) {
      const remedy = 'Run this again. If it stays locked, see the check named lock.';
      return { ok: false, detail: 'another process has locked the database', remedy };
    }
    return { ok: false, detail: `the database cannot be read: ${message}`, remedy: ifDamaged(db) };
  }
}

function ifDamaged(db: string): string {
  return `Move ${db} away, or put a backup in its place, then run: onedrive-token login`;
}

function isEncrypted(db: string): boolean {
  return read(db, (database) => {
    const [table] = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'token_key'").all();
    return table !== undefined && database.prepare('SELECT 1 FROM token_key').all().length > 0;
  });
}

/** Opens the file with Node's own SQLite, for reading only. */
function read<T>(db: string, use: (database: DatabaseSync) => T): T {
  const { DatabaseSync } = loadSqlite();
  const database = new DatabaseSync(db, { readOnly: true });
  try {
    return use(database);
  } finally {
    database.close();
  }
}

/** An older Node warns on stderr that this module is new. That is of no use to the person. */
function loadSqlite(): typeof import('node:sqlite') {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

async function checkKeyring(command: Command): Promise<Finding> {
  const { db } = command.settings;
  const account = readKeyringAccount(db);
  if (account === undefined) return { ok: true, detail: 'not used for this database' };
  const entry = new KeyringEntry(account, command);
  const key = await entry.read();
  if (key) return { ok: true, detail: 'unlocked, and it has the key of the database' };
  return {
    ok: false,
    detail: `${entry} is gone`,
    remedy:
      'Put the entry back, for example from a backup. Otherwise move the database away, then run: onedrive-token login',
  };
}
