import { isatty } from 'node:tty';
import { writeErr } from './streams.ts';

const framesPerSecond = 8;

/** What a person sees on stderr: lines that stay, and on a terminal one last line that changes. */
export class Screen implements Disposable {
  /** Whether somebody may be watching. */
  readonly isTerminal = isatty(2);
  /** Whether the terminal shows more than ASCII. */
  readonly isUnicode: boolean;
  readonly #canRewrite: boolean;
  #status: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(env: NodeJS.ProcessEnv = process.env) {
    const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
    this.isUnicode = process.platform === 'win32' ? Boolean(env.WT_SESSION) : /utf-?8/i.test(locale);
    this.#canRewrite = this.isTerminal && env.TERM !== 'dumb';
  }

  get columns(): number {
    return process.stderr.columns || 80;
  }

  /** Writes lines that stay. */
  say(text: string): void {
    this.#erase();
    writeErr(`${text}\n`);
    this.#draw();
  }

  /** Makes `text` the last line until another call, or `undefined`, replaces it. Does nothing off a terminal. */
  status(text: string | undefined): void {
    this.#erase();
    this.#status = text;
    this.#draw();
  }

  /** As `status`, kept up to date, with a wheel that turns. */
  spin(text: () => string): void {
    clearInterval(this.#timer);
    if (!this.#canRewrite) return;
    const frames = this.isUnicode ? '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏' : '|/-\\';
    let frame = 0;
    const turn = (): void => this.status(`${frames[frame++ % frames.length]} ${text()}`);
    turn();
    this.#timer = setInterval(turn, 1000 / framesPerSecond).unref();
  }

  /** Takes the last line away. */
  clear(): void {
    clearInterval(this.#timer);
    this.status(undefined);
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #draw(): void {
    // A line that wraps could not be erased again.
    if (this.#status !== undefined && this.#canRewrite) writeErr(this.#status.slice(0, this.columns - 1));
  }

  #erase(): void {
    if (this.#status !== undefined && this.#canRewrite) writeErr('\r\x1b[2K');
  }
}
