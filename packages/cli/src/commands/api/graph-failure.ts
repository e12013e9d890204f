import { GraphClientError, GraphError } from 'onedrive-graph';
import { OneDriveTokenError } from 'onedrive-token-handler';
import type { Settings } from '../../settings/settings.ts';
import { suggestCommand } from '../../settings/suggest-command.ts';
import { exitStatus, Failure, UsageError } from '../../terminal/failure.ts';

/** Turns an error of onedrive-graph into a Failure: with an exit status, and with advice. Returns any other error as it is. */
export function graphFailure(error: unknown, settings: Settings): unknown {
  if (error instanceof GraphError) {
    return new Failure(`${error.message}${hintFor(error, settings)}`, statusFor(error), { cause: error });
  }
  if (!(error instanceof GraphClientError)) return error;
  // The handler's fetch says more of a connection that failed: what to check, or that HTTPS_PROXY is wrong.
  if (error.cause instanceof OneDriveTokenError) return error.cause;
  if (error.code === 'NOT_A_FILE') return new UsageError(`--upload: ${error.message}`, { cause: error });
  return new Failure(error.message, error.retryable ? exitStatus.unavailable : exitStatus.failed, { cause: error });
}

function statusFor({ status, retryable }: GraphError): number {
  if (status === 401) return exitStatus.signInNeeded;
  return retryable ? exitStatus.unavailable : exitStatus.failed;
}

function hintFor({ status, retryAfter }: GraphError, settings: Settings): string {
  const login = suggestCommand('login', settings);
  if (status === 401) return `\nGraph does not accept a fresh token either: sign in again. Run: ${login}`;
  if (status === 403) {
    return `\nThe token may lack a scope. To see its scopes, run: ${suggestCommand('status', settings)}
To sign in with other scopes, run: ${login} --scope SCOPE`;
  }
  if (status === 507) {
    return '\nThe OneDrive is full. Delete files there and empty its recycle bin, or get more storage: https://onedrive.live.com/?v=managestorage';
  }
  if (retryAfter !== undefined) {
    const until = new Date(Date.now() + retryAfter);
    return `\nTry again in ${Math.ceil(retryAfter / 1000)} s, at ${until.toTimeString().slice(0, 8)}.`;
  }
  if (status === 429) return '\nTry again in some minutes: Graph does not say when.';
  return '';
}
