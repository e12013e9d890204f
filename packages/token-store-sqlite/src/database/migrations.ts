import { saltBytes } from 'token-store-kit';
import { applicationId } from './token-table.ts';

/**
 * The table of the original Python class, in its own words. A new file begins with it as well, so that all files of a
 * version have the same tables.
 */
export const originalTable = 'CREATE TABLE token (app_name TEXT, refresh_token TEXT, PRIMARY KEY (app_name))';

/**
 * Columns and triggers of version 1.
 *
 * `sealed` has the whole record if there is a key; otherwise the other columns have it.
 *
 * `revision` grows with every write of this package. The Python class does not know it: a write that leaves it as it
 * was is a write of that class. The last trigger then clears the columns that belonged to the old refresh token.
 *
 * The other two triggers refuse records under another key. After the key was changed, an older connection must not
 * write under the old key, and the Python class must not write plain text.
 */
const version1 = `
ALTER TABLE token ADD COLUMN access_token TEXT;
ALTER TABLE token ADD COLUMN expires_at INTEGER;
ALTER TABLE token ADD COLUMN obtained_at INTEGER;
ALTER TABLE token ADD COLUMN client_id TEXT;
ALTER TABLE token ADD COLUMN authority TEXT;
ALTER TABLE token ADD COLUMN scope TEXT;
ALTER TABLE token ADD COLUMN id_token TEXT;
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
${foreignWriteTrigger('access_token', 'expires_at', 'obtained_at', 'client_id', 'authority', 'scope', 'id_token')}
PRAGMA application_id = ${applicationId};
PRAGMA user_version = 1;
`;

/** When the refresh token expires, and whether the provider has refused it. */
const version2 = `
ALTER TABLE token ADD COLUMN refresh_expires_at INTEGER;
ALTER TABLE token ADD COLUMN refused_at INTEGER;
ALTER TABLE token ADD COLUMN refused_because TEXT;
DROP TRIGGER token_foreign_write;
${foreignWriteTrigger('access_token', 'expires_at', 'obtained_at', 'client_id', 'authority', 'scope', 'id_token', 'refresh_expires_at', 'refused_at', 'refused_because')}
PRAGMA user_version = 2;
`;

/**
 * The statements that lead from each version to the next, from the original's table on. Run all that a file lacks in
 * one transaction. Statements that were published must not change: files have been made by them.
 */
export const migrations: readonly string[] = [version1, version2];

function foreignWriteTrigger(...columns: string[]): string {
  return `
CREATE TRIGGER token_foreign_write AFTER UPDATE OF refresh_token ON token
WHEN NEW.refresh_token IS NOT OLD.refresh_token AND NEW.revision IS OLD.revision
BEGIN
  UPDATE token SET ${columns.map((column) => `${column} = NULL`).join(', ')} WHERE app_name = NEW.app_name;
END;`;
}
