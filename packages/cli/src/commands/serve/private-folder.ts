import { mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure, fileFailure } from '../../terminal/failure.ts';

/** The bits of a mode that let other users in. */
const ofOthers = 0o077;

/**
 * Makes the socket's folder, with mode 0700, if it is missing. Throws Failure if other users can enter the folder: the mode of
 * the socket alone does not keep them out on every system.
 */
export function preparePrivateFolder(socket: string): void {
  const folder = dirname(socket);
  try {
    // Only the last folder: with `recursive`, Node never ends if the folder cannot be made in /proc.
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileFailure('use', folder, error);
  }
  checkPrivateFolder(socket);
}

/** Throws Failure if other users can enter the socket's folder. */
function checkPrivateFolder(socket: string): void {
  const folder = dirname(socket);
  const stats = read(folder);
  if (!stats.isDirectory()) throw new Failure(`cannot use ${folder}: it is not a folder`);
  if ((stats.mode & ofOthers) !== 0) {
    throw new Failure(
      `other users can enter ${folder} (mode ${modeOf(stats)}), and would get your tokens. Run: chmod 700 ${folder}, or choose a folder that only you use with --socket`,
    );
  }
  checkOwner(folder, stats);
}

/** Throws Failure if `socket`, which another program has made, is not a socket that only this user can connect to. */
export function checkPrivateSocket(socket: string): void {
  const stats = read(socket);
  if (!stats.isSocket()) throw new Failure(`${socket} is not a socket`);
  if ((stats.mode & ofOthers) !== 0) {
    throw new Failure(
      `other users can connect to ${socket} (mode ${modeOf(stats)}), and would get your tokens. In the socket unit, set SocketMode=0600`,
    );
  }
  checkOwner(socket, stats);
  checkPrivateFolder(socket);
}

/** root can read everything anyway, and systemd makes files as root. */
function checkOwner(file: string, { uid }: Stats): void {
  const user = process.getuid?.();
  if (uid !== 0 && uid !== user) {
    throw new Failure(
      `${file} belongs to another user (user id ${uid}), who would get your tokens. Choose another one`,
    );
  }
}

function read(file: string): Stats {
  try {
    return statSync(file);
  } catch (error) {
    throw fileFailure('use', file, error);
  }
}

function modeOf({ mode }: Stats): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}
