import type { Settings } from './settings.ts';
import { writeOut } from './streams.ts';

/** `expiresAt`: epoch milliseconds. */
export function printToken(token: string, expiresAt: number, { json }: Settings): void {
  writeOut(json ? `${JSON.stringify({ token, expiresAt })}\n` : `${token}\n`);
}
