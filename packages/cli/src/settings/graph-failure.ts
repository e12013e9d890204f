import { GraphAddressError, GraphClientError, GraphError, parseGraphRoot, resolveGraphUrl } from 'onedrive-graph';
import { OneDriveTokenError } from 'onedrive-token-handler';
import { exitStatus, Failure, UsageError } from '../terminal/failure.ts';
import { type Settings, suggestCommand } from './settings.ts';

/** The root of Microsoft Graph that `--graph` names, and the URL that the path leads to. Throws UsageError. */
export function resolveAddress(graph: string, path: string): { root: URL; url: URL } {
  let root: URL | undefined;
  try {
    root = parseGraphRoot(graph);
    return { root, url: resolveGraphUrl(root, path) };
  } catch (error) {
    if (error instanceof GraphAddressError && error.reason === 'not-encoded') {
      // The command encodes names itself, so the escape that the library advises would become part of a name.
      const remedy = 'In OneDrive no name has a ?. Outside of names, write %23 for # and %25 for %';
      const problem = 'a ?, #, %, \\, a tab, a space at the end, or the name . or .. is not allowed there';
      throw new UsageError(`'${path}': ${problem}`, { remedy, cause: error });
    }
    const { message } = error as Error;
    throw new UsageError(root ? message : `--graph: ${message}`, { cause: error });
  }
}

/** Turns an error of onedrive-graph into a Failure: with an exit status, and with advice. Returns any other error as it is. */
export function graphFailure(error: unknown, settings: Settings): unknown {
  if (!(error instanceof GraphError || error instanceof GraphClientError)) return error;
  const status = error.retryable ? exitStatus.unavailable : exitStatus.failed;
  if (error instanceof GraphError) {
    const details = { remedy: remedyFor(error, settings), cause: error };
    return new Failure(error.message, { status: isOfToken(error) ? exitStatus.signInNeeded : status, ...details });
  }
  // The error of the handler's fetch is more helpful: what to check, or that HTTPS_PROXY is wrong.
  if (error.cause instanceof OneDriveTokenError) return error.cause;
  if (error.code === 'NOT_A_FILE') return new UsageError(`--upload: ${error.message}`, { cause: error });
  return new Failure(error.message, { status, cause: error });
}

/** Whether Graph refused the token. A 401 to a request without it, such as one for a file's content, says nothing about it. */
function isOfToken({ status, hadToken }: GraphError): boolean {
  return status === 401 && hadToken !== false;
}

function remedyFor(error: GraphError, settings: Settings): string | undefined {
  const { status, retryAfter, hadToken } = error;
  const login = suggestCommand(status === 403 ? 'login --scope SCOPE' : 'login', settings);
  if (isOfToken(error)) return `Graph does not accept a fresh token either: sign in again. Run: ${login}`;
  if (status === 401 || (status === 403 && hadToken === false))
    return 'That address has expired: run the same command again';
  if (status === 403) return `The token may lack a scope. To sign in with other scopes, run: ${login}`;
  if (status === 507) return 'The OneDrive is full: delete files there, and empty its recycle bin';
  return retryAfter === undefined ? undefined : `Try again in ${Math.ceil(retryAfter / 1000)} s`;
}
