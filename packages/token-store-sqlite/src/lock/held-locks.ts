import { statSync } from 'node:fs';
import { readIfThere } from 'token-store-kit/files';
import type { DatabaseFile } from '../database/database-file.ts';
import { findLockPaths, readHolder } from './lock-paths.ts';

/** A lock that a process holds now. What the system does not tell is undefined. */
export interface HeldLock {
  /** `database`: a process writes, and others cannot. `name`: a task of `exclusively` runs. */
  readonly kind: 'database' | 'name';
  /** What `exclusively` was called with. */
  readonly name: string | undefined;
  readonly pid: number;
  /** The program of that process. */
  readonly program: string | undefined;
  /** Whether the process is stopped, as by SIGSTOP or Ctrl+Z: the lock stays until the process goes on, or is killed. */
  readonly isStopped: boolean | undefined;
  /** Epoch milliseconds. */
  readonly since: number | undefined;
}

/**
 * The locks of a database that are held now. Linux says itself which process has locked which file. Elsewhere the file of the
 * holder does, and who locks the database is not known.
 */
export function findHeldLocks(database: DatabaseFile): HeldLock[] {
  const lockedBy = readKernelLocks();
  const pidOf = (path: string): number | undefined =>
    lockedBy?.get(String(statSync(path, { bigint: true, throwIfNoEntry: false })?.ino));
  const locks: HeldLock[] = [];
  const add = (kind: HeldLock['kind'], pid: number | undefined, name?: string, since?: number): void => {
    if (pid !== undefined) locks.push({ kind, name, pid, ...readProcess(pid), since });
  };
  add('database', pidOf(database.path));
  for (const paths of findLockPaths(database.path)) {
    const holder = readHolder(paths.holder, database);
    const pid = lockedBy ? pidOf(paths.lock) : holder?.pid;
    if (holder?.pid === pid) add('name', pid, holder?.name, holder?.since);
    else add('name', pid);
  }
  return locks;
}

/** For each inode number the process that has locked it for writing. Undefined if the system does not tell. */
function readKernelLocks(): Map<string, number> | undefined {
  // 1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF
  const lines = readIfThere('/proc/locks')?.matchAll(/^\d+: +(?:POSIX|OFDLCK) +\w+ +WRITE +(\d+) +\w+:\w+:(\d+) /gm);
  return lines && new Map(Array.from(lines, ([, pid, inode = '']) => [inode, Number(pid)]));
}

function readProcess(pid: number): Pick<HeldLock, 'program' | 'isStopped'> {
  const [, program, state = ''] = /^\d+ \((.*)\) (\w)/s.exec(readIfThere(`/proc/${pid}/stat`) ?? '') ?? [];
  return { program, isStopped: program === undefined ? undefined : /t/i.test(state) };
}
