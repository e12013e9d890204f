import { mkdtempSync, readlinkSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const directories: string[] = [];
process.once('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A new directory with mode 0700. It is removed when the process ends. */
export function temporaryDirectory(parent: string = tmpdir()): string {
  const directory = mkdtempSync(join(parent, 'token-store-'));
  directories.push(directory);
  return directory;
}

/** Makes a symbolic link. False if the system makes none: Windows allows it to few users, and wine succeeds without making one. */
export function makeLink(target: string, path: string): boolean {
  try {
    symlinkSync(target, path);
    readlinkSync(path);
    return true;
  } catch (error) {
    if (process.platform !== 'win32') throw error;
    console.log('skipped: this user may make no symbolic links');
    return false;
  }
}

/** Whether this process may become another user. */
export const isRoot = process.getuid?.() === 0;

/** The user of the tests' programs if root runs the tests: "nobody". */
export const otherUser = 65_534;

// An ordinary user can enter its own temporary directory, even below private directories.
const parents = isRoot ? [tmpdir(), '/tmp', '/var/tmp', '/dev/shm'].filter(isOpenToAll) : [tmpdir()];
/** Whether `directoryForUsers` has a place for its directories. */
export const hasPlaceForUsers = parents.length > 0;

/** A new directory in a place that users other than root can enter: TMPDIR may be below a private directory. */
export function directoryForUsers(): string {
  return temporaryDirectory(parents[0]);
}

/** Whether every user may enter the directory and all directories above it. */
export function isOpenToAll(directory: string): boolean {
  try {
    for (let path = realpathSync(directory); ; path = dirname(path)) {
      if ((statSync(path).mode & 0o001) === 0) return false;
      if (path === dirname(path)) return true;
    }
  } catch {
    return false;
  }
}
