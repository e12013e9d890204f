import { readTokenFlags } from './common-options.ts';
import { printStoredToken } from './print-stored-token.ts';

/**
 * Runs one command line; settles with the exit status. What this file imports is all that is loaded on the way to a stored
 * token, so that `$(onedrive-token)` costs little more than Node itself.
 */
export async function start(args: readonly string[]): Promise<number> {
  try {
    const flags = readTokenFlags(args);
    const status = flags && (await printStoredToken(flags));
    if (status !== undefined) return status;
    const { runProgram } = await import('./program.ts');
    return await runProgram(args);
  } catch (error) {
    const { reportError } = await import('./report-error.ts');
    return reportError(error);
  }
}
