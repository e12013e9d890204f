// What the command says when something fails, and the exit status that goes with it.
import { inspect } from 'node:util';
import { OneDriveTokenError } from 'onedrive-token-handler';
import { exitStatus, Failure } from '../terminal/failure.ts';
import { Interrupted } from '../terminal/interrupt.ts';
import { printable } from '../terminal/printable.ts';
import { OutputClosed, writeErr } from '../terminal/streams.ts';
import { describeError, type ErrorContext, storeErrorOf } from './describe-error.ts';
import { suggestCommand } from './suggest-command.ts';

/** Writes to stderr what went wrong, and returns the exit status. `context` is absent if the options could not be read. */
export function reportError(error: unknown, context?: ErrorContext): number {
  // `| head` has read enough: that is no failure.
  if (error instanceof OutputClosed) return exitStatus.done;
  if (error instanceof Interrupted) {
    const logout = suggestCommand('logout', context?.settings);
    const kept = `The sign-in was complete by then, and is stored. To undo it, run: ${logout}`;
    writeErr(`${error.message}${context?.isSignInKept ? ` ${kept}` : ''}\n`);
    return error.status;
  }
  writeErr(`onedrive-token: ${printable(describeError(error, context))}\n`);
  if (context?.settings.verbose) writeErr(`${printable(inspect(error))}\n`);
  return exitStatusOf(error);
}

/** Warns that a token, which the caller already has, is not in the database. */
export function reportNotStored(error: unknown, context: ErrorContext): void {
  const reason = printable(describeError(error, context));
  writeErr(`onedrive-token: the token works, but could not be stored: ${reason}\n`);
}

/** The exit status of a command that fails with this error. */
export function exitStatusOf(error: unknown): number {
  if (error instanceof Failure) return error.status;
  return error instanceof OneDriveTokenError ? statusOfCode(error) : exitStatus.failed;
}

function statusOfCode(failure: OneDriveTokenError): number {
  const { code, error, retryable } = failure;
  switch (code) {
    case 'SIGN_IN_REQUIRED':
      return exitStatus.signInNeeded;
    case 'SIGN_IN_DENIED':
      return exitStatus.denied;
    case 'SIGN_IN_TIMEOUT':
      return exitStatus.timedOut;
    case 'NETWORK':
    case 'SERVER':
    case 'THROTTLED':
    case 'RESPONSE':
      // For example after a certificate that is not trusted, later does not help.
      return retryable ? exitStatus.unavailable : exitStatus.failed;
    case 'STORE':
      return statusOfStore(failure);
    case 'CONFIGURATION':
      // With an OAuth error the provider refused the registration; without one the command line is wrong.
      return error === undefined ? exitStatus.usage : exitStatus.failed;
    case 'CLOSED':
      return exitStatus.failed;
  }
}

function statusOfStore(failure: OneDriveTokenError): number {
  const store = storeErrorOf(failure);
  // A server that cannot be reached comes back by itself.
  if (store?.reason === 'unreachable') return exitStatus.unavailable;
  // A full disk does not get empty by itself. Else, what may succeed later waits for another process.
  const isLocked = store?.code === 'STORE_BUSY' || (failure.retryable && store?.code !== 'STORE_FULL');
  return isLocked ? exitStatus.databaseLocked : exitStatus.database;
}
