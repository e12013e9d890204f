const fs = process.getBuiltinModule('node:fs');

/** The file beside the database that has this ending; the same one by whatever symbolic link the database is named. */
export function besideDatabase(db: string, ending: string): string {
  return `${realDatabase(db)}${ending}`;
}

/** Where the database really is; `db` itself where there is none yet. */
export function realDatabase(db: string): string {
  try {
    return fs.realpathSync(db);
  } catch {
    return db;
  }
}
