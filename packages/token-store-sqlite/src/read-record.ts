/** Reads one record in the first milliseconds of a program. */
import type { TokenRecord } from './token-record.ts';
import { applicationId, columns, readPlainRow, schemaVersion, type TokenRow } from './token-table.ts';

const select = `SELECT ${columns} FROM token WHERE app_name = ?
  AND (SELECT application_id FROM pragma_application_id) = ${applicationId}
  AND (SELECT user_version FROM pragma_user_version) = ${schemaVersion}`;

/**
 * Reads one record through Node's own SQLite, which is there already, so that a command which only prints a token need not
 * load better-sqlite3: that takes longer than all the rest of it. The file is only read; nothing waits.
 *
 * Undefined where there is no record, and wherever more is needed than to read: the file is missing, encrypted, locked at
 * this moment, left behind by a crash, readable by others, of another version or damaged, or this Node still calls its SQLite experimental
 * (before 24.15, and 25.0 to 25.6). So take undefined for "open the store", which does what is needed or says what is wrong.
 *
 * For the start of a program with one thread. Where another thread uses the same file through a store at the same time,
 * this call would take away its locks (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 */
export function readRecord(path: string, appName: string): TokenRecord | undefined {
  if (!hasSqlite(process.versions.node)) return undefined;
  const fs = process.getBuiltinModule('node:fs');
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  try {
    // Windows has no modes, and says 0o666.
    if (process.platform !== 'win32' && (fs.statSync(path).mode & 0o077) !== 0) return undefined;
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      const row = database.prepare(select).get(appName);
      return row && readPlainRow(row as TokenRow);
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}

/** Whether this version of Node has SQLite as something to rely on. Those before it print a warning. */
function hasSqlite(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 25 || (major === 25 && minor >= 7) || (major === 24 && minor >= 15);
}
