import { type BigIntStats, readdirSync, statSync } from 'node:fs';
import { readIfThere } from 'token-store-kit/files';
import type { DatabaseFile } from '../database/database-file.ts';
import type { HeldLock } from './held-lock.ts';
import { findLockPaths, readHolder } from './lock-paths.ts';

/**
 * The locks of a database that are held now. Linux says itself which process has locked which file. Elsewhere the file of the
 * holder does, and who locks the database is not known.
 */
export function findHeldLocks(database: DatabaseFile): HeldLock[] {
  const kernelLocks = readKernelLocks();
  const pidOf = (path: string): number | undefined => {
    const file = statSync(path, { bigint: true, throwIfNoEntry: false });
    return file && kernelLocks?.find(({ inode, pid }) => inode === file.ino && mayHaveOpen(pid, file))?.pid;
  };
  const locks: HeldLock[] = [];
  const add = (kind: HeldLock['kind'], pid: number | undefined, name?: string, since?: number): void => {
    if (pid !== undefined) locks.push({ kind, name, pid, ...readProcess(pid), since });
  };
  add('database', pidOf(database.path));
  for (const paths of findLockPaths(database.path)) {
    const holder = readHolder(paths.holder, database);
    const pid = kernelLocks ? pidOf(paths.lock) : holder?.pid;
    add('name', pid, holder?.name, holder?.pid === pid ? holder?.since : undefined);
  }
  return locks;
}

/** Which process has locked which inode number for writing. Undefined if the system does not tell. */
function readKernelLocks(): { pid: number; inode: bigint }[] | undefined {
  // 1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF
  const lines = readIfThere('/proc/locks')?.matchAll(/^\d+: +(?:POSIX|OFDLCK) +\w+ +WRITE +(\d+) +\w+:\w+:(\d+) /gm);
  return lines && Array.from(lines, ([, pid, inode = '']) => ({ pid: Number(pid), inode: BigInt(inode) }));
}

/**
 * A file of another file system may have the same inode number. The device does not say so: of btrfs, `/proc/locks` has another one than
 * the file. True if this user may not see what the process has open.
 */
function mayHaveOpen(pid: number, { dev, ino }: BigIntStats): boolean {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).some((descriptor) => {
      const open = statSync(`${directory}/${descriptor}`, { bigint: true, throwIfNoEntry: false });
      return open?.ino === ino && open.dev === dev;
    });
  } catch {
    return true;
  }
}

function readProcess(pid: number): Pick<HeldLock, 'program' | 'isStopped'> {
  const [, program, state = ''] = /^\d+ \((.*)\) (\w)/s.exec(readIfThere(`/proc/${pid}/stat`) ?? '') ?? [];
  return { program, isStopped: program === undefined ? undefined : /t/i.test(state) };
}
