import { once } from 'node:events';
import { lstatSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { Failure, fileFailure, UsageError } from '../../terminal/failure.ts';

/** How many clients may connect at the same moment. The system may allow less. */
const backlog = 4096;
/** The longest path of a Unix socket in bytes. The system would cut off a longer one, and use another file. */
const longestPath = process.platform === 'linux' ? 107 : 103;

/** The socket to listen on, absolute: `given`, or the default in the user's runtime folder. Throws UsageError. */
export function socketPath(given: string | undefined): string {
  const folder = process.env.XDG_RUNTIME_DIR ?? '';
  // The XDG Base Directory Specification says to ignore a relative path.
  if (given === undefined && !isAbsolute(folder)) {
    const remedy = 'Name the socket, in a folder of its own, with --socket';
    throw new UsageError('there is no XDG_RUNTIME_DIR here', { remedy });
  }
  const path = resolve(given ?? join(folder, 'onedrive-token.sock'));
  const length = Buffer.byteLength(path);
  if (length <= longestPath) return path;
  throw new UsageError(`--socket: a socket's path has at most ${longestPath} bytes, and ${path} has ${length}`);
}

/**
 * Listens on a socket with mode 0600 in a folder that other users cannot enter, and replaces a socket that an ended process has
 * left. When the server is closed, the socket is removed. Throws Failure.
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  try {
    preparePrivateFolder(dirname(path));
    try {
      await listen(server, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      await removeStale(path);
      await listen(server, path);
    }
  } catch (error) {
    throw error instanceof Failure ? error : fileFailure('listen on', path, error);
  }
}

async function listen(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  server.listen({ path, backlog });
  // The socket is made before listen() returns.
  process.umask(before);
  await once(server, 'listening');
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
  if (!stats.isDirectory()) throw new Failure(`cannot use ${folder}: it is not a folder`);
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    throw new Failure(`other users can enter ${folder} (mode ${mode}), and would get your tokens`, {
      remedy: `Run: chmod 700 ${folder}, or choose a folder that only you use with --socket`,
    });
  }
  // root can read everything anyway, and systemd makes folders as root.
  if (stats.uid !== 0 && stats.uid !== process.getuid?.()) {
    throw new Failure(`${folder} belongs to another user (user id ${stats.uid}), who would get your tokens`, {
      remedy: 'Choose another one with --socket',
    });
  }
}

/** Removes a socket on which no process listens any more. Throws Failure if one does, and if it is another kind of file. */
async function removeStale(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) {
    throw new Failure(`${path} is not a socket, and was left as it is`, { remedy: 'Choose another one with --socket' });
  }
  if (await isLive(path)) {
    throw new Failure(`another process already serves at ${path}`, {
      remedy: 'Use that one, or choose another socket with --socket',
    });
  }
  rmSync(path, { force: true });
}

async function isLive(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // With EAGAIN, as many clients as can be wait to be accepted.
    return code !== 'ECONNREFUSED' && code !== 'ENOENT';
  } finally {
    socket.destroy();
  }
}
