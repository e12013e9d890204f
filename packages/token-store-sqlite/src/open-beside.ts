import type { DatabaseFile } from './database-file.ts';

const fs = process.getBuiltinModule('node:fs');

/**
 * Opens, or makes with mode 0600, a file in the database's directory. A symbolic link in its place is refused: it would
 * let somebody who can write the directory choose which of the user's files is written. What root makes belongs to
 * the database's owner, who could not use it otherwise.
 */
export function openBeside(database: DatabaseFile, path: string, flags: number): number {
  const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = fs.constants;
  const descriptor = fs.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | flags, 0o600);
  if (process.platform === 'win32') return descriptor;
  const stat = fs.fstatSync(descriptor);
  if ((stat.mode & 0o777) !== 0o600) fs.fchmodSync(descriptor, 0o600);
  if (stat.uid !== database.uid && process.geteuid?.() === 0) fs.fchownSync(descriptor, database.uid, database.gid);
  return descriptor;
}
