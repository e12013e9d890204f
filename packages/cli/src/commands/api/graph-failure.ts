import { GraphClientError, GraphError } from 'onedrive-graph';
import { OneDriveTokenError } from 'onedrive-token-handler';
import { exitStatus, Failure, UsageError } from '../../terminal/failure.ts';

/** An error of onedrive-graph as this command ends with it: with an exit status, and with advice. Any other one unchanged. */
export function graphFailure(error: unknown): unknown {
  if (error instanceof GraphError) {
    return new Failure(`${error.message}${hintFor(error.status)}`, statusFor(error), { cause: error });
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

function hintFor(status: number): string {
  if (status === 401) return '\nIt does not accept a fresh token either: sign in again with `onedrive-token login`.';
  if (status === 403)
    return '\nThe token may lack a scope: see `onedrive-token status`, add one by `onedrive-token login --scope`.';
  return '';
}
