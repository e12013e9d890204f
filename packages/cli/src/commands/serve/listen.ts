import { once } from 'node:events';
import { chmodSync, linkSync, lstatSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { Failure, fileFailure } from '../../terminal/failure.ts';
import { type ActivatedSocket, pathOfDescriptor } from './activated-socket.ts';
import { checkPrivateSocket, preparePrivateFolder } from './private-folder.ts';

/** How many clients may connect at the same moment. The system may allow less. */
const backlog = 4096;
/** Each further attempt means that another process removed or made the socket in the meantime. */
const maxAttempts = 5;

/** The socket of this process in the file system. */
export class OwnSocket {
  readonly path: string;
  readonly #inode: bigint | undefined;

  constructor(path: string) {
    this.path = path;
    this.#inode = inodeOf(path);
  }

  /** Whether clients that open the path still reach this process. */
  get isInPlace(): boolean {
    return this.#inode !== undefined && inodeOf(this.path) === this.#inode;
  }

  remove(): void {
    if (this.isInPlace) rmSync(this.path, { force: true });
  }
}

function inodeOf(path: string): bigint | undefined {
  try {
    return lstatSync(path, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}

/**
 * Listens on a socket with mode 0600 in a folder with mode 0700. Throws Failure.
 *
 * The socket gets its name when it already listens, so a socket with that name and no listener is one that an ended process has left.
 */
export async function listenOnSocket(server: Server, path: string): Promise<OwnSocket> {
  preparePrivateFolder(path);
  const nameless = join(dirname(path), `.${process.pid.toString(36)}`);
  try {
    // An ended process of the same number may have left it.
    rmSync(nameless, { force: true });
    await listenPrivately(server, nameless);
    for (let attempt = 1; ; attempt++) {
      try {
        linkSync(nameless, path);
        unlinkSync(nameless);
        return new OwnSocket(path);
      } catch (error) {
        const isTaken = (error as NodeJS.ErrnoException).code === 'EEXIST';
        if (!isTaken || attempt === maxAttempts) throw error;
        await removeStale(path);
      }
    }
  } catch (error) {
    // This removes `nameless`.
    server.close();
    throw error instanceof Failure ? error : fileFailure('listen on', path, error);
  }
}

/** Listens on the socket that systemd made. Returns its path. Throws Failure if other users can connect to it. */
export async function listenOnDescriptor(server: Server, socket: ActivatedSocket): Promise<string> {
  try {
    await listen(server, { fd: socket.descriptor });
  } catch (error) {
    throw new Failure(`cannot use the socket of systemd: ${(error as Error).message}`, undefined, { cause: error });
  }
  try {
    if (server.address() !== null) {
      throw new Failure('systemd passed a network socket, and other users could connect to it. Use a Unix socket');
    }
    const path = pathOfDescriptor(socket);
    checkPrivateSocket(path);
    return path;
  } catch (error) {
    server.close();
    throw error;
  }
}

async function listenPrivately(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  const listening = listen(server, { path });
  // The socket is made before listen() returns.
  process.umask(before);
  await listening;
  chmodSync(path, 0o600);
}

async function listen(server: Server, options: { path: string } | { fd: number }): Promise<void> {
  server.listen({ ...options, backlog });
  await once(server, 'listening');
}

/**
 * Removes a socket on which no process listens any more. Throws Failure if one does, and if it is another kind of file.
 *
 * Two processes may do this at the same time. The file is moved away before it is removed, and tested once more, because the
 * other process may have put its own socket there.
 */
async function removeStale(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats) return;
  if (!stats.isSocket()) throw new Failure(`${path} is not a socket, and was left as it is. Choose another one`);
  if (await isLive(path)) throw liveSocket(path);
  const moved = `${path}.${process.pid}`;
  try {
    renameSync(path, moved);
  } catch (error) {
    // Another process has removed it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw fileFailure('replace', path, error);
  }
  if (await isLive(moved)) {
    putBack(moved, path);
    throw liveSocket(path);
  }
  rmSync(moved, { force: true });
}

function putBack(moved: string, path: string): void {
  try {
    // Unlike rename(), it does not replace a socket that was made in the meantime. Then the process of the one that was moved ends.
    linkSync(moved, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileFailure('listen on', path, error);
  } finally {
    rmSync(moved, { force: true });
  }
}

/** Whether a process listens on it. */
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

function liveSocket(path: string): Failure {
  return new Failure(`another process already serves at ${path}. Use that one, or choose another socket with --socket`);
}
