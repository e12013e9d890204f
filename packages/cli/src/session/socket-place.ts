import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../terminal/failure.ts';

/** In bytes: the longest path that every system supports. Node 22 truncates a longer path, and uses another file. */
export const longestSocketPath = 103;

/**
 * Why users other than root and `trusted` could replace `given`: it or a folder above it is theirs, or they can replace files in such a
 * folder. `given` has no symbolic links.
 */
export function findExposure(given: string, ...trusted: readonly (number | undefined)[]): string | undefined {
  for (let path = given; ; path = dirname(path)) {
    const stats = lstatSync(path);
    const { uid, mode } = stats;
    if (uid !== 0 && !trusted.includes(uid)) return `${path} belongs to another user (user id ${uid})`;
    if (stats.isDirectory() && othersMayReplace(stats)) {
      return `other users can replace files in ${path} (mode ${(mode & 0o777).toString(8).padStart(4, '0')})`;
    }
    if (path === dirname(path)) return undefined;
  }
}

/** Whether users other than the owner of a folder, and root, can replace the files in it. */
function othersMayReplace({ uid, gid, mode }: Stats): boolean {
  // Many systems give each user a group with the same number, of which that user is the only member.
  const othersWrite = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== uid);
  // In a sticky folder, such as /tmp, only the owner of the folder or of a file can replace the file.
  return othersWrite && (mode & 0o1000) === 0;
}

/**
 * The path of the socket without symbolic links. Throws a Failure if another user could answer there with tokens of another account, or
 * the file system's error. root may use the server of any user.
 */
export function findTrustedSocket(given: string): string {
  if (process.platform === 'win32') return given;
  const path = realpathSync.native(given);
  const exposure = findExposure(path, process.geteuid?.() || lstatSync(path).uid);
  const isTooLong = Buffer.byteLength(path) > longestSocketPath;
  if (!exposure && !isTooLong) return path;
  const problem = isTooLong
    ? `${path} is longer than the ${longestSocketPath} bytes that a socket's path may have`
    : `${exposure}, and tokens from there could be those of another account`;
  throw new Failure(problem, { remedy: 'Correct ONEDRIVE_TOKEN_SOCKET' });
}
