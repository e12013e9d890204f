import { createInterface, type Interface } from 'node:readline';
import type { Command } from '../command.ts';

/**
 * Reads what a person pastes, line by line. On a terminal the line is edited in raw mode, because the terminal's own
 * editing cuts a line off at 1024 bytes on macOS and 4096 on Linux, and an address with a code in it may be longer.
 */
export function readLines({ screen, interrupt }: Pick<Command, 'screen' | 'interrupt'>): Interface {
  const terminal = process.stdin.isTTY === true && screen.isTerminal;
  const lines = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal,
    historySize: 0,
    prompt: terminal ? 'Paste the address here: ' : '',
  });
  lines.on('SIGINT', () => interrupt.press());
  return lines;
}
