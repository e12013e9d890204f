import { GraphAddressError, type GraphAddressReason, parseGraphRoot, resolveGraphUrl } from 'onedrive-graph';
import { UsageError } from '../../terminal/failure.ts';

/** The root of Microsoft Graph that `--graph` names. Throws UsageError. */
export function readGraphRoot(graph: string): URL {
  const says: Partial<Record<GraphAddressReason, string>> = {
    'has-password': 'a URL with a password in it is refused',
    'not-https': 'plain http would show the token to the network; use https',
  };
  return orUsageError(
    () => parseGraphRoot(graph),
    ({ reason }) =>
      `--graph: ${says[reason] ?? `expected a URL like https://graph.microsoft.com/v1.0, got '${graph}'`}`,
  );
}

/** The URL that the path of the command line leads to. Throws UsageError. */
export function resolveGraphPath(root: URL, path: string): URL {
  return orUsageError(
    () => resolveGraphUrl(root, path),
    ({ message }) => message,
  );
}

function orUsageError(resolve: () => URL, says: (error: GraphAddressError) => string): URL {
  try {
    return resolve();
  } catch (error) {
    throw error instanceof GraphAddressError ? new UsageError(says(error), { cause: error }) : error;
  }
}
