// The command's own JSON files. They contain no token.
import fs from 'node:fs';

/** The database's path without symbolic links; `db` itself if there is no such file yet. */
export function realDatabase(db: string): string {
  try {
    return fs.realpathSync(db);
  } catch {
    return db;
  }
}

/** The entries of one of our JSON files. A missing or damaged file has none, and the next write replaces it. */
export function readEntries(file: string): Record<string, unknown> {
  const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  try {
    // Another user may have put a FIFO or a link there. Node accepts a number as `flag`, but its types do not.
    const flag = (O_NOFOLLOW | O_NONBLOCK) as number & string;
    return { ...JSON.parse(fs.readFileSync(file, { encoding: 'utf8', flag })) };
  } catch {
    return {};
  }
}

/**
 * Writes these entries in place of those that are there. Only the owner can read the file, and a process that reads it at the
 * same time sees the old content or the new, never half of it. If two processes write at the same moment, one entry may be lost:
 * then the person is asked again, or an upload starts again. Throws the file system's error.
 */
export function writeEntries(file: string, entries: Readonly<Record<string, unknown>>): void {
  const draft = `${file}.${process.pid}.tmp`;
  try {
    fs.rmSync(draft, { force: true });
    // `wx` does not follow a symbolic link that another user has put there.
    fs.writeFileSync(draft, `${JSON.stringify(entries)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    fs.renameSync(draft, file);
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

/** The keyring account that holds this database's key. undefined if the key is not in the keyring. */
export function readKeyringAccount(db: string): string | undefined {
  const { account } = readEntries(keyringFile(db));
  return typeof account === 'string' && account !== '' ? account : undefined;
}

/** `account`: undefined if the key is not in the keyring any more. Throws the file system's error. */
export function rememberKeyring(db: string, account: string | undefined): void {
  if (account === undefined) fs.rmSync(keyringFile(db), { force: true });
  else writeEntries(keyringFile(db), { account });
}

/** The file that names the keyring account. It stays with the database if their folder is moved. */
function keyringFile(db: string): string {
  return `${realDatabase(db)}.keyring.json`;
}
