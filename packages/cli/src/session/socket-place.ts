import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../terminal/failure.ts';

/** Of every system, in bytes. Node 22 cuts a longer one off, and uses another file. */
export const longestSocketPath = 103;

/**
 * Why users other than root and these could put something else in the place of `given`, which has no symbolic links: it or a
 * folder above it is theirs, or they can replace files in such a folder.
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
  // Many systems give each user a group of its own, with the same number, which may write what the user may.
  const othersWrite = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== uid);
  // In a sticky folder, such as /tmp, only the owners of folder and file can.
  return othersWrite && (mode & 0o1000) === 0;
}

/**
 * The socket without symbolic links. Throws a Failure if another user could answer there with tokens of another account, or the
 * file system's error. root may ask any user's server.
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
