import { Interface } from 'node:readline';
import type { Command } from '../command.ts';
import { writeErr } from './streams.ts';

/**
 * Reads what a person pastes, line by line. On a terminal the line is edited in raw mode, because the terminal's own
 * editing cuts a line off at 1024 bytes on macOS and 4096 on Linux, and an address with a code in it may be longer.
 */
export function readLines(command: Pick<Command, 'screen' | 'interrupt'>): Interface {
  return new PastePrompt(command);
}

/** Closed while it asks, it leaves the line to what is said next. */
class PastePrompt extends Interface {
  #isAsking = false;

  constructor({ screen, interrupt }: Pick<Command, 'screen' | 'interrupt'>) {
    const terminal = process.stdin.isTTY === true && screen.isTerminal;
    super({
      input: process.stdin,
      output: process.stderr,
      terminal,
      historySize: 0,
      prompt: terminal ? 'Paste the address here: ' : '',
    });
    this.on('SIGINT', () => interrupt.press());
    this.on('line', () => {
      this.#isAsking = false;
    });
    this.once('close', () => {
      if (terminal && this.#isAsking) writeErr('\n');
    });
  }

  override prompt(preserveCursor?: boolean): void {
    this.#isAsking = true;
    super.prompt(preserveCursor);
  }
}
