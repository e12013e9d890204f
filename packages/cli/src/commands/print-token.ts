// A file of its own because the start of the command loads it: it must not import what only the full program needs.
import { exitStatus } from '../terminal/failure.ts';
import { writeOut } from '../terminal/streams.ts';

/**
 * `expiresAt`: epoch milliseconds. With `header`, prints a header of HTTP: a line for `curl -H @-`, or a JSON object of headers.
 * Returns the exit status.
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
