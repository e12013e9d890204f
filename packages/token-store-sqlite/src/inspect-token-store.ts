import { type BigIntStats, constants, readdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TokenStoreError } from 'token-store-kit';
import {
  accessError,
  damaged,
  type FileSystem,
  fileError,
  inspectFileSystem,
  readIfThere,
  systemCode,
} from 'token-store-kit/files';
import { DatabaseFile } from './database/database-file.ts';
import { toTokenStoreError } from './database/file-error.ts';
import { inspectTables } from './database/schema.ts';
import { findLockPaths, readHolder } from './lock/lock-paths.ts';

/** What {@link inspectTokenStore} has found. No token and no key is in it. */
export interface TokenStoreInspection {
  /** The file, absolute and, if it is there, without symbolic links. */
  readonly path: string;
  /**
   * `ours`; `original`: as the Python class made the file; `empty`: there are no tables yet; `unusable`: `error` says why the file
   * cannot be used, by `code` and `reason` (`missing`, `foreign`, `no-permission`, `damaged`, `unfinished-write` …).
   */
  readonly state: 'ours' | 'original' | 'empty' | 'unusable';
  readonly error: TokenStoreError | undefined;
  /** Whether the tokens are encrypted. Undefined if that cannot be read. */
  readonly isEncrypted: boolean | undefined;
  /** In bytes. Like `access` and `fileSystem`, undefined if there is no file that this user can reach. */
  readonly size: number | undefined;
  readonly access: { readonly file: Access; readonly directory: Access } | undefined;
  readonly fileSystem: FileSystem | undefined;
  /** The locks that are held now, also by this process. */
  readonly locks: readonly HeldLock[];
}

/** Who may use a file or directory. */
export interface Access {
  readonly path: string;
  /** For example 0o600, with the sticky bit. Says nothing on Windows. */
  readonly mode: number;
  /** The user id. Says nothing on Windows. */
  readonly owner: number;
  /** The system's code if this user may not read and write it, for example `EACCES` or `EROFS`. */
  readonly denied: string | undefined;
}

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

/** How long the inspection waits for a write of another process. */
const inspectionLimitMs = 1_000;

/**
 * Inspects a file, to find out why something does not work, or which process holds a lock. Makes, changes and locks nothing, and
 * leaves the locks that this process has on the file.
 *
 * @throws {TypeError} for a path that cannot be the name of a file.
 */
export function inspectTokenStore(path: string): TokenStoreInspection {
  const nothing = { isEncrypted: undefined, size: undefined, access: undefined, fileSystem: undefined, locks: [] };
  let file: DatabaseFile;
  try {
    file = new DatabaseFile(path, { readOnly: true });
  } catch (error) {
    return { ...nothing, path: resolve(path), ...unusable(error) };
  }
  const directory = dirname(file.path);
  return {
    path: file.path,
    ...inspectContent(file),
    size: file.stats.size,
    access: { file: inspectAccess(file.path), directory: inspectAccess(directory) },
    fileSystem: inspectFileSystem(directory),
    locks: findHeldLocks(file),
  };
}

function inspectAccess(path: string): Access {
  const { mode, uid } = statSync(path);
  return { path, mode: mode & 0o7777, owner: uid, denied: accessError(path, constants.R_OK | constants.W_OK) };
}

type Content = Pick<TokenStoreInspection, 'state' | 'error' | 'isEncrypted'>;

/** Reads only through SQLite: to open and close the file in another way would drop the locks that SQLite has on it in this process. */
function inspectContent(file: DatabaseFile): Content {
  try {
    file.check();
    const sql = file.connect({ timeout: inspectionLimitMs, readonly: true });
    try {
      return sql.transaction((): Content => {
        const { owner, check } = inspectTables(sql, file.path);
        // At most 3: SQLite may find one for each page.
        const problems = sql.prepare<[], string>('PRAGMA integrity_check(3)').pluck().all();
        const state = owner === 'nobody' ? 'empty' : owner;
        if (problems.join() === 'ok') return { state, error: undefined, isEncrypted: check !== undefined };
        throw fileError(file.path, damaged(`is damaged: ${problems.join('; ')}`));
      })();
    } finally {
      sql.close();
    }
  } catch (error) {
    return unusable(toTokenStoreError(file.path, error));
  }
}

function unusable(error: unknown): Content {
  if (error instanceof TokenStoreError) return { state: 'unusable', error, isEncrypted: undefined };
  throw error;
}

/**
 * The locks of a database that are held now. Linux tells which process has locked which file. Elsewhere, the holder file tells it
 * for a lock of `exclusively`, and the process that locks the database is not known.
 */
function findHeldLocks(database: DatabaseFile): HeldLock[] {
  const kernelLocks = readKernelLocks();
  const pidOf = (path: string): number | undefined => {
    const file = statSync(path, { bigint: true, throwIfNoEntry: false });
    return file && kernelLocks?.find(({ inode, pid }) => inode === file.ino && mayHaveOpen(pid, file))?.pid;
  };
  const locks: HeldLock[] = [];
  const add = (kind: HeldLock['kind'], pid: number | undefined, name?: string, since?: number): void => {
    if (pid !== undefined && isRunning(pid)) locks.push({ kind, name, pid, ...readProcess(pid), since });
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
 * Needed because a file of another file system may have the same inode number. Devices do not tell them apart: on btrfs, `/proc/locks` has
 * another device than the file. True if this user may not see what the process has open.
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

/** False for a process that was killed while it held a lock. Its holder file stays, and some systems do not list locks. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

function readProcess(pid: number): Pick<HeldLock, 'program' | 'isStopped'> {
  const [, program, state = ''] = /^\d+ \((.*)\) (\w)/s.exec(readIfThere(`/proc/${pid}/stat`) ?? '') ?? [];
  return { program, isStopped: program === undefined ? undefined : /t/i.test(state) };
}
