import type { DatabaseSync as ReadOnlyDatabase } from 'node:sqlite';
import type { TokenRecord } from 'token-store-kit';
import { applicationId, columns, readPlainRow, schemaVersion, type TokenRow } from './database/token-table.ts';

// So that a command finds its file without loading the store.
export { dataFilepath } from './data-filepath.ts';

const select = `SELECT ${columns} FROM token WHERE app_name = ?
  AND (SELECT application_id FROM pragma_application_id) = ${applicationId}
  AND (SELECT user_version FROM pragma_user_version) = ${schemaVersion}
  AND ? % (SELECT page_size FROM pragma_page_size) = 0`;

/**
 * Reads one record in the first milliseconds of a command, with Node's own SQLite: better-sqlite3 would take longer to load than all the
 * rest. Only reads, and never waits. Undefined if there is no record, and if reading is not enough: the file is missing, encrypted, locked,
 * left behind by a crash, another user's, readable by others, of another version, or damaged. Then open the store, which does what is
 * needed, or says what is wrong.
 *
 * For the start of a program with one thread. If another thread uses the same file through a store at the same time,
 * this call takes away that store's locks (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 */
export function readRecord(path: string, appName: string): TokenRecord | undefined {
  const fs = process.getBuiltinModule('node:fs');
  try {
    const file = fs.realpathSync.native(path);
    const { mode, size, nlink, uid } = fs.statSync(file);
    // Windows has no modes, and reports 0o666. Root could read a file that another user has planted.
    const isOwn = process.platform === 'win32' || (uid === process.geteuid?.() && (mode & 0o077) === 0);
    if (nlink > 1 || !isOwn) return undefined;
    // Another user may have planted the journal. SQLite would believe its content, or wait for ever for a FIFO.
    if (fs.existsSync(`${file}-journal`) || fs.existsSync(`${file}-wal`)) return undefined;
    const database = open(file);
    try {
      const row = database.prepare(select).get(appName, size) as TokenRow | undefined;
      return row && readPlainRow(row);
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}

/** Both packages have the methods that are used here. An older Node warns that its SQLite is experimental. */
function open(path: string): ReadOnlyDatabase {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 25 || (major === 25 && minor >= 7) || (major === 24 && minor >= 15)) {
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    return new DatabaseSync(path, { readOnly: true });
  }
  const { createRequire } = process.getBuiltinModule('node:module');
  const Database = createRequire(import.meta.url)('better-sqlite3');
  return new Database(path, { readonly: true, timeout: 0 });
}
