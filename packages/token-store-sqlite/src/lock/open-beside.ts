import type { DatabaseFile } from '../database/database-file.ts';

const fs = process.getBuiltinModule('node:fs');

/**
 * Opens a file in the database's directory, or makes it with mode 0600. Refuses a symbolic link: otherwise an attacker who can
 * write the directory could choose which of the user's files is written. A file that root makes is given to the
 * database's owner, who could not use it otherwise.
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
