/** What each exit status of the command means. Scripts rely on these numbers. */
export const exitStatus = {
  done: 0,
  failed: 1,
  usage: 2,
  signInNeeded: 3,
  denied: 4,
  timedOut: 5,
  /** Only the network or a server failed: worth trying again later. */
  unavailable: 6,
  /** A person has to fix something about the database. */
  database: 7,
  /** Another process keeps the database locked: worth trying again soon. */
  databaseLocked: 8,
} as const;

/** What a person is told of a failure. */
export interface Problem {
  /** What went wrong, in this case. Without a full stop at its end. */
  readonly problem: string;
  /** What to do, as a sentence without its full stop. Absent if the problem says it already. */
  readonly remedy?: string | undefined;
}

export interface FailureDetails extends ErrorOptions {
  readonly status?: number | undefined;
  readonly remedy?: string | undefined;
}

/** Ends the command line with `status`. */
export class Failure extends Error implements Problem {
  readonly problem: string;
  readonly remedy: string | undefined;
  readonly status: number;

  constructor(problem: string, { remedy, status = exitStatus.failed, ...options }: FailureDetails = {}) {
    super(joinProblem({ problem, remedy }), options);
    this.problem = problem;
    this.remedy = remedy;
    this.status = status;
  }
}

/** The command line or the environment is wrong. `problem` says what was expected and what came. Ends with status 2. */
export class UsageError extends Failure {
  constructor(problem: string, details: Omit<FailureDetails, 'status'> = {}) {
    super(problem, { ...details, status: exitStatus.usage });
  }
}

export function joinProblem({ problem, remedy }: Problem): string {
  return remedy === undefined ? problem : `${problem}. ${remedy}`;
}

/** What `work` returns. An error about an option of a library becomes a UsageError: its message names the option. */
export function orUsageError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** Checks the shape instead of `instanceof`: an error may come from another realm. */
export function isError(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string';
}

/** A failed file system call, in words for a person: `cannot write disk.img: no space left on device`. */
export function fileFailure(action: string, file: string, error: unknown): Failure {
  return new Failure(`cannot ${action} ${file}: ${systemReason(error)}`, { cause: error });
}

/** `no space left on device`, or the message of an error that is not the system's. */
export function systemReason(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  return errno === undefined ? message : process.getBuiltinModule('node:util').getSystemErrorMessage(errno);
}
