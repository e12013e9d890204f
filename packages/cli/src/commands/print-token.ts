// A file of its own because the start of the command loads it: it must not import what only the full program needs.
import type { Settings } from '../settings/settings.ts';
import { writeOut } from '../terminal/streams.ts';

/** `expiresAt`: epoch milliseconds. */
export function printToken(token: string, expiresAt: number, { json }: Settings): void {
  writeOut(json ? `${JSON.stringify({ token, expiresAt })}\n` : `${token}\n`);
}
