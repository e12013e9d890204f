import { inspect } from 'node:util';
import { exitStatus, joinProblem } from '../terminal/failure.ts';
import { Interrupted } from '../terminal/interrupt.ts';
import { printable } from '../terminal/printable.ts';
import { OutputClosed, writeErr } from '../terminal/streams.ts';
import { describeError, type ErrorContext, sayError } from './describe-error.ts';
import { suggestCommand } from './suggest-command.ts';

/** Writes to stderr what went wrong, and returns the exit status. */
export function reportError(error: unknown, context: ErrorContext = {}): number {
  // `| head` has read enough: that is no failure.
  if (error instanceof OutputClosed) return exitStatus.done;
  const { settings, isSignInKept } = context;
  if (error instanceof Interrupted) {
    const kept = `The sign-in was complete by then, and is stored. To undo it, run: ${suggestCommand('logout', settings)}`;
    writeErr(`${error.message}${isSignInKept ? ` ${kept}` : ''}\n`);
    return error.status;
  }
  const described = describeError(error, context);
  writeErr(`onedrive-token: ${printable(joinProblem(described))}\n`);
  if (settings?.verbose) writeErr(`${printable(inspect(error))}\n`);
  return described.status;
}

/** Warns that a token, which the caller already has, is not in the database. */
export function reportNotStored(error: unknown, context: ErrorContext): void {
  writeErr(`onedrive-token: the token works, but could not be stored: ${printable(sayError(error, context))}\n`);
}
