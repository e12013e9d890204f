import Database from 'better-sqlite3';
import * as assert from 'uvu/assert';

/** Fails if SQLite finds anything wrong with the file. */
export function assertUndamaged({ dbFilepath }: { dbFilepath: string }): void {
  const database = new Database(dbFilepath);
  assert.is(database.pragma('integrity_check', { simple: true }), 'ok');
  database.close();
}
