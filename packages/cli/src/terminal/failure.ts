/** What each exit status of the command means. Scripts rely on these numbers. */
export const exitStatus = {
  done: 0,
  failed: 1,
  usage: 2,
  signInNeeded: 3,
  denied: 4,
  timedOut: 5,
  /** The network or a server failed, and only that: worth trying again later. */
  unavailable: 6,
  /** A person has to mend something about the database. */
  database: 7,
  /** Another process keeps the database locked: worth trying again soon. */
  databaseLocked: 8,
} as const;

/** Ends the command line with `status`. The message tells the person what went wrong and what to do. */
export class Failure extends Error {
  override readonly name: string = 'Failure';
  readonly status: number;

  constructor(message: string, status: number = exitStatus.failed, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** The command line or the environment is wrong. The message says what was expected and what came. Ends with status 2. */
export class UsageError extends Failure {
  override readonly name = 'UsageError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, exitStatus.usage, options);
  }
}

/** What `work` returns. An error about an option of a library becomes a UsageError: its message names the option. */
export function orUsageError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** A failed file system call, in words for a person: `cannot write disk.img: no space left on device`. */
export function fileFailure(action: string, file: string, error: unknown): Failure {
  const { message } = error as Error;
  // Node says `ENOSPC: no space left on device, write`.
  const reason = /^E[A-Z]+: (.+?)(, \w+)?( '.*)?$/.exec(message)?.[1] ?? message;
  return new Failure(`cannot ${action} ${file}: ${reason}`, exitStatus.failed, { cause: error });
}
