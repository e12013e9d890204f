// start.ts loads this file, so it must not import what only the full program needs.
import { exitStatus } from '../terminal/failure.ts';
import { writeOut } from '../terminal/streams.ts';

/**
 * Prints the token; `expiresAt` is in epoch milliseconds. With `header`, prints an HTTP header instead: a line for `curl -H @-`, or with
 * `json` an object of headers. Returns the exit status.
 */
export function printToken(
  token: string,
  expiresAt: number,
  { json, header = false }: { json: boolean; header?: boolean },
): number {
  const value = `Bearer ${token}`;
  if (json) writeOut(`${JSON.stringify(header ? { Authorization: value } : { token, expiresAt })}\n`);
  else writeOut(header ? `Authorization: ${value}\n` : `${token}\n`);
  return exitStatus.done;
}
