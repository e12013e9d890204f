import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { findExposure, longestSocketPath } from '../../session/socket-place.ts';
import { Failure, fileFailure, UsageError } from '../../terminal/failure.ts';

/** How many connections may wait to be accepted. The system may allow fewer. */
const backlog = 4096;
const remedy = 'Choose another one, in a folder that only you use, with --socket';

/** The socket to listen on, absolute: `given`, or the default in the user's runtime folder. Throws UsageError. */
export function socketPath(given: string | undefined): string {
  const folder = process.env.XDG_RUNTIME_DIR ?? '';
  // The XDG Base Directory Specification says to ignore a relative path.
  if (given === undefined && !isAbsolute(folder)) {
    throw new UsageError('there is no XDG_RUNTIME_DIR here', { remedy: 'Name a socket with --socket' });
  }
  const path = resolve(given ?? join(folder, 'onedrive-token.sock'));
  if ([path, draftOf(path)].every((each) => Buffer.byteLength(each) <= longestSocketPath)) return path;
  throw new UsageError(`--socket: ${path} is longer than the ${longestSocketPath} bytes that a socket's path may have`);
}

/** A random path in the same folder, which no other process uses. */
function draftOf(path: string): string {
  return join(dirname(path), `.${Math.random().toString(36).slice(2, 8)}`);
}

/**
 * Listens on a socket with mode 0600 in a folder that other users cannot enter, and replaces a socket that an ended process has left.
 * Returns a function that removes the socket; call it before the server is closed. Throws Failure.
 */
export async function listenPrivately(server: Server, path: string): Promise<() => void> {
  preparePrivateFolder(dirname(path));
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present?.isSocket() === false) throw new Failure(`${path} is not a socket, and was left as it is`, { remedy });
  if (present && (await isLive(path))) throw new Failure(`another process already serves at ${path}`, { remedy });
  // When the server closes, Node removes its path, even if another process listens there by then. So Node gets a path of its own.
  const draft = draftOf(path);
  server.listen({ path: draft, backlog });
  await once(server, 'listening').catch((error) => {
    throw fileFailure('listen on', path, error);
  });
  chmodSync(draft, 0o600);
  const { dev, ino } = lstatSync(draft);
  renameSync(draft, path);
  return () => {
    // Another process that started at the same moment may have put its own socket there.
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.dev === dev && found.ino === ino) rmSync(path);
  };
}

/**
 * Makes the folder, with mode 0700, if it is missing. Throws Failure if other users can enter it: the mode of the socket alone
 * does not keep them out on every system.
 */
function preparePrivateFolder(folder: string): void {
  try {
    // Only the last folder: with `recursive`, Node never ends if the folder cannot be made in /proc.
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileFailure('use', folder, error);
  }
  const stats = statSync(folder);
  if (!stats.isDirectory()) throw new Failure(`cannot use ${folder}: it is not a folder`, { remedy });
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    // No advice to change the folder's mode: the folder may be /tmp.
    throw new Failure(`other users can enter ${folder} (mode ${mode}), and would get your tokens`, { remedy });
  }
  // Folders of root are trusted: root can read everything anyway, and systemd makes folders as root.
  const exposure = findExposure(realpathSync.native(folder), process.getuid?.());
  if (exposure) throw new Failure(`${exposure}, who could take your tokens or answer in your place`, { remedy });
}

/** False for a socket that an ended process has left. EAGAIN comes from a live server with a full backlog. */
function isLive(path: string): Promise<boolean> {
  const socket = connect(path);
  const judge = ({ code }: NodeJS.ErrnoException): boolean => code !== 'ECONNREFUSED';
  return once(socket, 'connect')
    .then(() => true, judge)
    .finally(() => socket.destroy());
}
