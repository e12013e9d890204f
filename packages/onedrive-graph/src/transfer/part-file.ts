import { hash, randomBytes } from 'node:crypto';
import { constants, lstatSync, readFileSync } from 'node:fs';
import { type FileHandle, lstat, lutimes, open, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** The file beside the target that a download is written to, and how many bytes it had at the start. */
type PartFile = { path: string; output: FileHandle; length: number };

/** The name after the prefix: the content id, the host, and the id of the process that writes the part, or 0 after its download. */
const partName = /^([0-9a-f]{16}|none)-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part$/;

/**
 * Names one version of one file. After a crash of the whole machine, the end of a part may be zeros, so a part counts only
 * until the next boot. undefined if the boot id cannot be read: then no part can be continued later.
 */
export function contentIdOf(url: URL, etag: string, size: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    return hash('sha256', `${url.href} ${etag} ${size} ${boot}`).slice(0, 16);
  } catch {
    return undefined;
  }
}

/**
 * Opens the part of `target`. If an earlier download has left a part with the same content id, that is continued. Other parts of
 * this machine, whose processes have ended, are deleted if possible. `mode`: that of the part, which its owner must be able to
 * write. Throws the file system's error.
 */
export async function openPart(target: string, contentId: string | undefined, mode?: number): Promise<PartFile> {
  const folder = dirname(target);
  const prefix = prefixOf(target);
  const name = `${contentId ?? 'none'}-${hostId()}-${process.pid}-${randomBytes(4).toString('hex')}.part`;
  const path = join(folder, `${prefix}${name}`);
  // No files if the folder cannot be read: the folder may be writable all the same.
  for (const found of await readdir(folder).catch(() => [])) {
    const [, id, host, pid] = partName.exec(found.startsWith(prefix) ? found.slice(prefix.length) : '') ?? [];
    const left = join(folder, found);
    if (host !== hostId() || isWritten(left, Number(pid))) continue;
    const taken = id === contentId ? await takeOver(left, path, mode) : undefined;
    if (taken) return taken;
    // A part that cannot be deleted stays: it is another user's, or another program has it open.
    await rm(left).catch(() => {});
  }
  // `wx`: a link of that name is not followed.
  return { path, output: await open(path, 'wx', mode), length: 0 };
}

/** Leaves a closed part to a later download, also to one of this process. Throws the file system's error. */
export function leavePart(path: string): Promise<void> {
  return rename(path, path.replace(/-\d+(-[0-9a-f]+\.part)$/, '-0$1'));
}

/** undefined if the part cannot be opened, was just taken over, or is not this user's own file: another user may have put it there. */
async function takeOver(left: string, path: string, mode: number | undefined): Promise<PartFile | undefined> {
  try {
    const stat = await lstat(left);
    if (!stat.isFile() || stat.nlink !== 1 || stat.uid !== process.getuid?.()) return undefined;
    // `isWritten` takes an old file with our process id for the part of an earlier process.
    await lutimes(left, new Date(), new Date());
    await rename(left, path);
    const output = await open(path, constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0));
    // The new file must not be readable for more users than the old one. Not every file system has modes.
    if (mode !== undefined) await output.chmod(mode).catch(() => {});
    return { path, output, length: (await output.stat()).size };
  } catch {
    await rm(path).catch(() => {});
    return undefined;
  }
}

/** The start of a part's name. Up to 50 bytes follow, and some file systems take names of at most 143 bytes. */
function prefixOf(target: string): string {
  const name = basename(target);
  return `${Buffer.byteLength(name) > 90 ? hash('sha256', name) : name}.`;
}

/** Whether the process that began the part still runs. After a restart of a container, an earlier process may have had our id. */
function isWritten(part: string, pid: number): boolean {
  if (pid === 0) return false;
  try {
    if (pid === process.pid) return lstatSync(part).mtimeMs > Date.now() - process.uptime() * 1000;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Two machines, or two containers, may write in one folder: the process ids of one mean nothing in the other. */
function hostId(): string {
  return hash('sha256', hostname()).slice(0, 8);
}
