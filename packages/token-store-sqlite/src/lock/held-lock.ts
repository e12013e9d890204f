// A file of its own: what its declaration imports, users get, and types of better-sqlite3 they do not have.

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
