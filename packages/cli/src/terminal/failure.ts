import { exitStatus } from '../exit-status.ts';

/** Something a person can do something about went wrong; the message says what. Ends with `status`. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly status: number;

  constructor(message: string, status: number = exitStatus.failed, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** What a file system call failed with, as a person says it: `disk.img: no space left on device`. */
export function fileFailure(action: string, file: string, error: unknown): Failure {
  const { message } = error as Error;
  // Node says `ENOSPC: no space left on device, write`.
  const reason = /^E[A-Z]+: (.+?)(, \w+)?( '.*)?$/.exec(message)?.[1] ?? message;
  return new Failure(`cannot ${action} ${file}: ${reason}`, exitStatus.failed, { cause: error });
}
