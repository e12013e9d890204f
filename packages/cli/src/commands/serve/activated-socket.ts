import { fstatSync, readFileSync } from 'node:fs';
import { Failure } from '../../terminal/failure.ts';

/** The first descriptor that a service gets, by sd_listen_fds(3). */
const firstDescriptor = 3;

/** A socket that systemd has made and listens on already. */
export interface ActivatedSocket {
  readonly descriptor: number;
}

/**
 * The socket that systemd passed to this process, by the protocol of sd_listen_fds(3). Returns undefined if it passed none:
 * variables for another process do not count. Throws Failure if it passed more than one.
 */
export function readActivation(
  { LISTEN_PID: pid, LISTEN_FDS: count }: NodeJS.ProcessEnv = process.env,
  ownPid = process.pid,
): ActivatedSocket | undefined {
  if (count === undefined || pid !== String(ownPid)) return undefined;
  if (count === '1') return { descriptor: firstDescriptor };
  throw new Failure(
    `LISTEN_FDS: expected one socket from systemd, got '${count}'. Write one ListenStream= in its unit`,
  );
}

/** The path of a listening Unix socket. Throws Failure if it has none, because then no file mode keeps other users out. */
export function pathOfDescriptor({ descriptor }: ActivatedSocket): string {
  const path = findPath(descriptor);
  // The kernel shows an abstract name with an @ in front: every user may connect to it.
  if (path?.startsWith('/')) return path;
  throw new Failure('the socket of systemd has no path. In the socket unit, write ListenStream=%t/onedrive-token.sock');
}

function findPath(descriptor: number): string | undefined {
  const inode = String(fstatSync(descriptor).ino);
  for (const line of readFileSync('/proc/net/unix', 'utf8').split('\n')) {
    // Num RefCount Protocol Flags Type St Inode Path
    const [, found, path] = /^\S+ +\S+ +\S+ +\S+ +\S+ +\S+ +(\d+) (.*)$/.exec(line) ?? [];
    if (found === inode) return path;
  }
  return undefined;
}
