import { Interface } from 'node:readline';
import { Failure } from './failure.ts';
import type { Interrupt } from './interrupt.ts';
import { isTerminal, writeErr } from './streams.ts';

export interface LineOptions {
  readonly interrupt: Interrupt;
  /** Shown on a terminal before each line. */
  readonly prompt: () => string;
  /** What is typed is not shown. */
  readonly isHidden?: boolean;
}

/**
 * Reads what a person types or pastes, line by line. On a terminal the line is edited in raw mode, because the terminal's own editing
 * cuts a line off at 1024 bytes on macOS and 4096 on Linux, and an address with a code in it may be longer.
 *
 * If the reader is closed during a prompt, it ends the prompt's line, so that the next message begins on a new line.
 */
export class LineReader extends Interface {
  readonly #options: LineOptions;
  #lines: NodeJS.AsyncIterator<string> | undefined;
  #isAsking = false;
  #isClosed = false;

  constructor(options: LineOptions) {
    const { interrupt, isHidden = false } = options;
    const terminal = process.stdin.isTTY === true && isTerminal(2);
    const output = isHidden ? undefined : process.stderr;
    super({ input: process.stdin, output, terminal, historySize: 0, signal: interrupt.signal });
    this.#options = options;
    this.on('SIGINT', () => interrupt.press());
    // A terminal that hangs up refuses reads and modes. Without a listener this would end the process, even while it exchanges a code.
    this.on('error', () => {});
    this.on('line', () => {
      this.#isAsking = false;
      if (isHidden) writeErr('\n');
    });
    this.once('close', () => {
      this.#isClosed = true;
      if (terminal && this.#isAsking) writeErr('\n');
    });
  }

  /** Does nothing if the input has ended. */
  override prompt(): void {
    if (this.#isClosed) return;
    this.#isAsking = true;
    const text = this.terminal ? this.#options.prompt() : '';
    if (this.#options.isHidden) writeErr(text);
    this.setPrompt(this.#options.isHidden ? '' : text);
    super.prompt();
  }

  /** Asks for the next line. Throws a Failure that says `none` if the input ends (Ctrl-D), or the interrupt's reason. */
  async ask(none: string): Promise<string> {
    // The iterator keeps lines that arrive before they are asked for.
    this.#lines ??= this[Symbol.asyncIterator]();
    this.prompt();
    const { value, done } = await this.#lines.next();
    this.#options.interrupt.signal.throwIfAborted();
    if (done) throw new Failure(none);
    return value;
  }
}

/** Asks on the terminal for one line. Throws a Failure if the person types nothing (Ctrl-D), or the interrupt's reason. */
export async function askLine(question: string, interrupt: Interrupt, { isHidden = false } = {}): Promise<string> {
  const lines = new LineReader({ interrupt, prompt: () => question, isHidden });
  try {
    return await lines.ask('nothing was typed');
  } finally {
    lines.close();
  }
}
