// terminal/ is how this process talks to the person and the shell that started it: streams, screen, prompts, signals, exit
// statuses. Nothing in here knows of tokens, options or commands.
import type { Interrupt } from './interrupt.ts';
import { printable, tellErr } from './printable.ts';
import { isTerminal, writeErr } from './streams.ts';

const framesPerSecond = 8;

/** What the person sees on stderr: lines that stay and, on a terminal, a last line that changes. */
export class Screen implements Disposable {
  readonly isTerminal = isTerminal(2);
  /** Whether the terminal shows more than ASCII. */
  readonly isUnicode: boolean;
  /** Whether `spin` shows anything: not on a terminal without control sequences. */
  readonly canRewrite: boolean;
  #text = (): string => '';
  #lastLine = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(env: NodeJS.ProcessEnv = process.env) {
    const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
    this.isUnicode = process.platform === 'win32' ? Boolean(env.WT_SESSION) : /utf-?8/i.test(locale);
    this.canRewrite = this.isTerminal && env.TERM !== 'dumb';
  }

  say(text: string): void {
    this.#erase();
    tellErr(`${text}\n`);
    this.#draw();
  }

  /**
   * Shows `text()` as the last line, with a spinner in front, several times a second, until `clear()` or another text. Does
   * nothing without `canRewrite`.
   */
  spin(text: () => string): void {
    this.#text = text;
    if (!this.canRewrite || this.#timer) return;
    const frames = this.isUnicode ? '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏' : '|/-\\';
    let frame = 0;
    const turn = (): void => {
      this.#erase();
      this.#lastLine = `${frames[frame++ % frames.length]} ${printable(this.#text())}`;
      this.#draw();
    };
    turn();
    this.#timer = setInterval(turn, 1000 / framesPerSecond).unref();
  }

  clear(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#erase();
    this.#lastLine = '';
  }

  /** Asks for one line, as `askLine`. Most commands do without the reader, which is loaded when it is needed. */
  async ask(question: string, interrupt: Interrupt, options: { isHidden?: boolean } = {}): Promise<string> {
    const { askLine } = await import('./line-reader.ts');
    return askLine(question, interrupt, options);
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #draw(): void {
    // A line that wraps could not be erased again.
    writeErr(this.#lastLine.slice(0, (process.stderr.columns || 80) - 1));
  }

  #erase(): void {
    if (this.#lastLine !== '') writeErr('\r\x1b[2K');
  }
}
