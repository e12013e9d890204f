import { readFileSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { realDatabase } from '../../../settings/private-json.ts';
import type { Check, Finding } from '../check.ts';

/** A refresh writes a journal as large as the pages that change, and the new tokens. */
const neededBytes = 1_000_000;

/** The magic numbers of statfs(2) of file systems on another computer. Their locks do not reach every client. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9P'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x0bd00bd0, 'Lustre'],
  [0x19830326, 'BeeGFS'],
  [0x47504653, 'GPFS'],
  [0x786f4256, 'a shared folder of VirtualBox'],
  [0xbacbacbc, 'a shared folder of VMware'],
]);
/** Any file system of a program; its name says which. */
const fuse = 0x65735546;
const networkPrograms =
  /^fuse\.(sshfs|rclone|s3fs|gcsfuse|goofys|davfs|glusterfs|curlftpfs|ceph|smb|cifs|onedrive|blobfuse)/;

/** Whether the locks of SQLite work where the database is, and whether there is space for the next refresh. */
export function checkFileSystem(db: string): Check {
  return { name: 'file-system', needs: ['database'], run: () => judge(dirname(realDatabase(db))) };
}

function judge(folder: string): Finding {
  const { type, bavail, bsize } = statfsSync(folder);
  const mounted = mountedType(folder);
  const network = networkName(type, mounted);
  if (network) {
    const remedy = 'Keep the database on a disk of this computer (--db), or in PostgreSQL if many computers need it.';
    return {
      ok: false,
      detail: `${folder} is on a network file system (${network}), whose locks cannot be trusted`,
      remedy,
    };
  }
  const free = bavail * bsize;
  if (free < neededBytes) {
    return { ok: false, detail: `the disk of ${folder} is full (${free} bytes left)`, remedy: 'Delete or move files.' };
  }
  return { ok: true, detail: `${mounted ?? 'a disk'}, ${describeSize(free)} free` };
}

/** The name of a network file system. undefined if it is a local one. `mounted`: as the mount table names it. */
export function networkName(type: number, mounted: string | undefined): string | undefined {
  // Some systems give the number with a sign.
  const magic = type >>> 0;
  if (magic === fuse) return mounted !== undefined && networkPrograms.test(mounted) ? mounted : undefined;
  // Other systems than Linux number their file systems by the order in which they were registered.
  return process.platform === 'linux' ? networkFileSystems.get(magic) : undefined;
}

/** The type of the file system that a folder is on, as Linux names it. */
function mountedType(folder: string): string | undefined {
  try {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const found = lines
      .map((line) => /^\S+ \S+ \S+ \S+ (\S+) .* - (\S+) /.exec(line)?.slice(1) ?? [])
      .map(([point = '', type]) => [decodePoint(point), type] as const)
      .filter(([point]) => folder === point || folder.startsWith(point === '/' ? '/' : `${point}/`))
      .sort(([one], [other]) => one.length - other.length)
      .at(-1);
    return found?.[1];
  } catch {
    return undefined;
  }
}

/** The table writes a space as \040. */
function decodePoint(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}

function describeSize(bytes: number): string {
  return bytes < 1e9 ? `${Math.floor(bytes / 1e6)} MB` : `${Math.floor(bytes / 1e9)} GB`;
}
