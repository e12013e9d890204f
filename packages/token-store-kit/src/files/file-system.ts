import { fs } from './node-fs.ts';

/** The file system that a file is on. */
export interface FileSystem {
  /** As Linux names it, for example `ext4` or `fuse.sshfs`. Undefined on other systems. */
  readonly type: string | undefined;
  /** Whether it is shared with other computers, which locks, as SQLite's, may not reach. False if that is unknown. */
  readonly isNetwork: boolean;
  /** Bytes that this user may still write. */
  readonly free: number;
}

/**
 * File systems that several computers share, as Linux names them. A virtual computer and the one that it runs on are two: locks do not reach
 * from one to the other, and on Docker Desktop's `fakeowner` not even from process to process (https://github.com/docker/for-mac/issues/7004).
 */
const networkTypes =
  /^(nfs\d?|cifs|smb3|smbfs|9p|drvfs|ceph|afs|coda|ncpfs|lustre|beegfs|gpfs|vboxsf|vmhgfs|prl_fs|virtiofs|fakeowner|gfs2|ocfs2|fuse\.(osxfs|grpcfuse|sshfs|rclone|s3fs|gcsfuse|goofys|davfs|glusterfs|curlftpfs|ceph|smb|cifs|onedrive|blobfuse|vmhgfs|juicefs).*)$/;

/**
 * Tells about the file system of a folder.
 *
 * @throws the system's error if there is no such folder.
 */
export function inspectFileSystem(folder: string): FileSystem {
  const { bavail, bsize } = fs.statfsSync(folder);
  const type = mountedType(folder);
  return { type, isNetwork: type !== undefined && networkTypes.test(type), free: bavail * bsize };
}

/** The type of the mount that has this folder: the one with the longest path, and of several with that path the last. */
function mountedType(folder: string): string | undefined {
  const above = readMounts().filter(({ point }) => `${folder}/`.startsWith(point.replace(/\/?$/, '/')));
  return above.sort((a, b) => a.point.length - b.point.length).at(-1)?.type;
}

/** Whether something is mounted at this path itself. False if that is unknown. */
export function isMountPoint(path: string): boolean {
  return readMounts().some(({ point }) => point === path);
}

/** Empty on systems other than Linux. */
function readMounts(): { point: string; type: string }[] {
  const lines = readIfThere('/proc/self/mountinfo')?.matchAll(/^\S+ \S+ \S+ \S+ (\S+) .* - (\S+) /gm) ?? [];
  // The table writes a space as \040.
  const decode = (_: string, code: string): string => String.fromCharCode(Number.parseInt(code, 8));
  return Array.from(lines, ([, point = '', type = '']) => ({ point: point.replace(/\\([0-7]{3})/g, decode), type }));
}

/** Only for files of the system, because another user may have planted any other file. Undefined if it is missing or not readable. */
export function readIfThere(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Two letters or digits for the PID namespace of this process: a container has its own. A process id from another namespace may be that of
 * any process in this one. Systems other than Linux have one namespace for all.
 */
export function ownNamespace(): string {
  let id = 0;
  try {
    id = fs.statSync('/proc/self/ns/pid').ino % 36 ** 2;
  } catch {
    // Another system.
  }
  return id.toString(36).padStart(2, '0');
}
