import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { type KeyCheck, saltBytes } from 'token-store-kit';
import { damaged, fileError } from 'token-store-kit/files';
import { applicationId, columns, schemaVersion } from './token-table.ts';

/** The columns of records that we add to the Python class's table. Existing files have them, so a change needs another schema version. */
const addedColumns = columns.slice(1, -1);
const withType = (column: string): string => `${column} ${column.endsWith('_at') ? 'INTEGER' : 'TEXT'}`;

/**
 * Makes the table of the original Python class, with the same SQL, if there is none. Then adds our columns and triggers. With a key,
 * `sealed` has the whole record; otherwise the other columns have it.
 *
 * `revision` grows with every write of this package. A write that leaves `revision` as it was is one of the Python class. The last trigger
 * then clears the columns that belonged to the old refresh token. The other two triggers refuse records that do not fit the key: those of
 * a store that was opened before a change of key, and plain text of the Python class.
 */
export const extendOriginal = `
CREATE TABLE IF NOT EXISTS token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name));
${[...addedColumns.map(withType), 'sealed BLOB', 'revision INTEGER'].map((column) => `ALTER TABLE token ADD COLUMN ${column};`).join('\n')}
CREATE TABLE token_key (salt BLOB NOT NULL, verifier BLOB NOT NULL) STRICT;
${['INSERT', 'UPDATE']
  .map(
    (event) => `
CREATE TRIGGER token_${event.toLowerCase()}_key BEFORE ${event} ON token
WHEN substr(NEW.sealed, 1, ${saltBytes}) IS NOT (SELECT salt FROM token_key)
  OR (NEW.sealed IS NOT NULL AND NEW.refresh_token IS NOT NULL)
BEGIN
  SELECT RAISE(ABORT, 'this token database is encrypted with another key');
END;`,
  )
  .join('')}
CREATE TRIGGER token_foreign_write AFTER UPDATE OF refresh_token ON token
WHEN NEW.refresh_token IS NOT OLD.refresh_token AND NEW.revision IS OLD.revision
BEGIN
  UPDATE token SET ${addedColumns.map((column) => `${column} = NULL`)} WHERE app_name = NEW.app_name;
END;
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${schemaVersion};
`;

/** SQL that shows our columns to the connection that runs it, in a file that is not ours yet and may not be changed. */
export function viewAsOurs(owner: Tables['owner']): string {
  const added = [...addedColumns, 'sealed'].map((column) => `NULL AS ${column}`);
  const isOriginal = owner === 'original';
  const present = isOriginal ? 'app_name, refresh_token' : 'NULL AS app_name, NULL AS refresh_token';
  const view = `CREATE TEMP VIEW token AS SELECT ${present}, ${added} ${isOriginal ? 'FROM main.token' : 'WHERE 0'}`;
  return `DROP VIEW IF EXISTS temp.token; ${owner === 'ours' ? '' : view}`;
}

interface Tables {
  /** `original`: the Python class made them. */
  readonly owner: 'ours' | 'original' | 'nobody';
  /** Tells a right key from a wrong one. Undefined if nothing is encrypted. */
  readonly check: KeyCheck | undefined;
}

/**
 * Looks at the tables of the file at `path`. Call it within a transaction: then no other process changes them meanwhile.
 *
 * @throws {TokenStoreError} if the tables are not ours and cannot become ours.
 */
export function inspectTables(sql: Database.Database, path: string): Tables {
  const pragma = (name: string): number => sql.pragma(name, { simple: true }) as number;
  const version = pragma('user_version');
  const owner = ownerOf(sql, pragma('application_id'), version);
  if (owner === 'newer') {
    const problem = `was written by a newer version of token-store-sqlite (schema ${version}, this one knows ${schemaVersion})`;
    throw fileError(path, ['STORE_VERSION', undefined, problem, 'Update token-store-sqlite']);
  }
  if (owner === 'foreign') {
    const problem = 'is the database of another program, and was left as it is';
    throw fileError(path, ['STORE_OPEN', 'foreign', problem, 'Choose another file for the tokens']);
  }
  // SQLite fills a cut-off last page with zeros, and so would return half a token.
  if (statSync(path).size % pragma('page_size') !== 0) {
    throw fileError(path, damaged('is cut off: its size is not a whole number of pages'));
  }
  return { owner, check: owner === 'ours' ? readKeyCheck(sql) : undefined };
}

function ownerOf(sql: Database.Database, application: number, version: number): Tables['owner'] | 'newer' | 'foreign' {
  const isMarked = application === applicationId;
  if (isMarked && version === schemaVersion) return 'ours';
  const found = sql.prepare("SELECT name FROM pragma_table_info('token', 'main')").pluck().all();
  const isLikeOurs = found.includes('app_name') && found.includes('refresh_token');
  if (isMarked && version > schemaVersion) return 'newer';
  if (application !== 0 || version !== 0) return 'foreign';
  const tables = sql.prepare("SELECT name FROM sqlite_schema WHERE substr(name, 1, 7) <> 'sqlite_'").pluck().all();
  if (tables.length === 0) return 'nobody';
  // Our upsert needs a unique index on the app name.
  const isUnique = sql.prepare(`SELECT 1 FROM pragma_index_list('token', 'main') WHERE "unique"`).get() !== undefined;
  return isLikeOurs && found.length === 2 && tables.length === 1 && isUnique ? 'original' : 'foreign';
}

export function readKeyCheck(sql: Database.Database): KeyCheck | undefined {
  return sql.prepare<[], KeyCheck>('SELECT salt, verifier FROM token_key').get();
}
