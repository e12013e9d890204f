import type Database from 'better-sqlite3';
import { saltBytes } from 'token-store-kit';
import { applicationId, schemaVersion } from './token-table.ts';

/** The table of the original Python class, in its own words. A new file begins with it, so that all files have the same tables. */
export const originalTable = 'CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))';

/**
 * Makes our columns and triggers. Run it in one transaction. It must not change once it was published: files have been made by it.
 *
 * `sealed` has the whole record if there is a key; otherwise the other columns have it.
 *
 * `revision` grows with every write of this package. The Python class does not know it: a write that leaves it as it
 * was is a write of that class. The last trigger then clears the columns that belonged to the old refresh token.
 *
 * The other two triggers refuse records under another key. After the key was changed, an older connection must not
 * write under the old key, and the Python class must not write plain text.
 */
export const extendOriginal = `
ALTER TABLE token ADD COLUMN access_token TEXT;
ALTER TABLE token ADD COLUMN expires_at INTEGER;
ALTER TABLE token ADD COLUMN obtained_at INTEGER;
ALTER TABLE token ADD COLUMN client_id TEXT;
ALTER TABLE token ADD COLUMN authority TEXT;
ALTER TABLE token ADD COLUMN scope TEXT;
ALTER TABLE token ADD COLUMN id_token TEXT;
ALTER TABLE token ADD COLUMN refresh_expires_at INTEGER;
ALTER TABLE token ADD COLUMN refused_at INTEGER;
ALTER TABLE token ADD COLUMN refused_because TEXT;
ALTER TABLE token ADD COLUMN sealed BLOB;
ALTER TABLE token ADD COLUMN revision INTEGER;
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
  UPDATE token SET access_token = NULL, expires_at = NULL, obtained_at = NULL, client_id = NULL, authority = NULL, scope = NULL,
    id_token = NULL, refresh_expires_at = NULL, refused_at = NULL, refused_because = NULL WHERE app_name = NEW.app_name;
END;
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${schemaVersion};
`;

/** Whose tables a database has. `original`: those of the Python class, which have two columns. */
export interface Identity {
  readonly owner: 'ours' | 'original' | 'nobody' | 'newer' | 'foreign';
  /** SQLite's `user_version`. */
  readonly version: number;
  /** In bytes. */
  readonly pageSize: number;
}

/** Call it within a transaction: otherwise another process could change the tables meanwhile. */
export function identify(sql: Database.Database): Identity {
  const header = sql.prepare('SELECT * FROM pragma_application_id, pragma_user_version, pragma_page_size').get();
  const { application_id: application, user_version: version, page_size: pageSize } = header as Record<string, number>;
  return {
    owner: ownerOf(sql, application, version as number),
    version: version as number,
    pageSize: pageSize as number,
  };
}

function ownerOf(sql: Database.Database, application: number | undefined, version: number): Identity['owner'] {
  const isMarked = application === applicationId;
  if (isMarked && version === schemaVersion) return 'ours';
  const columns = sql.prepare('SELECT name FROM pragma_table_info(?)').pluck().all('token');
  const isLikeOurs = columns.includes('app_name') && columns.includes('refresh_token');
  if ((isMarked || (application === 0 && isLikeOurs)) && version > schemaVersion) return 'newer';
  if (application !== 0 || version !== 0) return 'foreign';
  const tables = sql
    .prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    .pluck()
    .all();
  if (tables.length === 0) return 'nobody';
  // The statements need a table that can have each app name only once.
  const hasUniqueNames = sql.prepare('SELECT 1 FROM pragma_index_list(?) WHERE "unique"').get('token') !== undefined;
  return isLikeOurs && columns.length === 2 && tables.length === 1 && hasUniqueNames ? 'original' : 'foreign';
}
