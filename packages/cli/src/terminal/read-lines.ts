import { Interface } from 'node:readline';
import type { Interrupt } from './interrupt.ts';
import type { Screen } from './screen.ts';
import { writeErr } from './streams.ts';

export interface LineOptions {
  readonly screen: Screen;
  readonly interrupt: Interrupt;
  /** Shown on a terminal before each line. */
  readonly prompt: string;
}

/**
 * Reads what a person pastes, line by line. On a terminal the line is edited in raw mode, because the terminal's own
 * editing cuts a line off at 1024 bytes on macOS and 4096 on Linux, and an address with a code in it may be longer.
 */
export function readLines(options: LineOptions): Interface {
  return new LineReader(options);
}

/** If it is closed while it asks, it ends the line of the prompt, so that the next message begins on a line of its own. */
class LineReader extends Interface {
  #isAsking = false;

  constructor({ screen, interrupt, prompt }: LineOptions) {
    const terminal = process.stdin.isTTY === true && screen.isTerminal;
    super({
      input: process.stdin,
      output: process.stderr,
      terminal,
      historySize: 0,
      prompt: terminal ? prompt : '',
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
