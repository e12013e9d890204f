import { Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { Failure } from './failure.ts';
import type { Interrupt } from './interrupt.ts';
import { isTerminal, writeErr } from './streams.ts';

export interface LineOptions {
  readonly interrupt: Interrupt;
  /** Shown on a terminal before each line, and again every second while nothing is typed, because it may change. */
  readonly prompt: () => string;
  /** Nothing is shown, neither the prompt nor what is typed. */
  readonly isHidden?: boolean;
}

/**
 * Reads what a person types or pastes, line by line. On a terminal the line is edited in raw mode, because the terminal's own
 * editing cuts a line off at 1024 bytes on macOS and 4096 on Linux, and an address with a code in it may be longer.
 *
 * If it is closed while it asks, it ends the line of the prompt, so that the next message begins on a line of its own.
 */
export class LineReader extends Interface {
  readonly #options: LineOptions;
  #isAsking = false;
  #isClosed = false;

  constructor(options: LineOptions) {
    const { interrupt, isHidden = false } = options;
    const terminal = process.stdin.isTTY === true && isTerminal(2);
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const output = isHidden ? nowhere : process.stderr;
    super({ input: process.stdin, output, terminal, historySize: 0, signal: interrupt.signal });
    this.#options = options;
    const tick = (): void => {
      if (this.#isAsking && this.line === '') this.prompt();
    };
    const timer = terminal && process.env.TERM !== 'dumb' ? setInterval(tick, 1000).unref() : undefined;
    this.on('SIGINT', () => interrupt.press());
    this.on('line', () => {
      this.#isAsking = false;
    });
    this.once('close', () => {
      this.#isClosed = true;
      clearInterval(timer);
      if (terminal && this.#isAsking && !isHidden) writeErr('\n');
    });
  }

  /** Does nothing if the input has ended. */
  override prompt(): void {
    if (this.#isClosed) return;
    this.#isAsking = true;
    this.setPrompt(this.terminal ? this.#options.prompt() : '');
    super.prompt(true);
  }

  /** Asks for the next line. Throws a Failure that says `none` if the input ends (Ctrl-D), or the interrupt's reason. */
  async ask(none: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const end = (): void => resolve(undefined);
    this.once('line', resolve).once('close', end);
    if (this.#isClosed) end();
    this.prompt();
    const line = await promise;
    this.off('line', resolve).off('close', end);
    this.#options.interrupt.signal.throwIfAborted();
    if (line === undefined) throw new Failure(none);
    return line;
  }
}

/** Asks on the terminal for one line. Throws a Failure if the person types nothing (Ctrl-D), or the interrupt's reason. */
export async function askLine(prompt: string, interrupt: Interrupt): Promise<string> {
  const lines = new LineReader({ interrupt, prompt: () => prompt });
  try {
    return await lines.ask('nothing was typed');
  } finally {
    lines.close();
  }
}

/** The same, without echo. */
export async function askPassphrase(prompt: string, interrupt: Interrupt): Promise<string> {
  const lines = new LineReader({ interrupt, prompt: () => '', isHidden: true });
  writeErr(prompt);
  try {
    return await lines.ask('no passphrase was given');
  } finally {
    lines.close();
    writeErr('\n');
  }
}
