import type { GraphWait, TransferProgress } from 'onedrive-graph';
import type { Screen } from '../../terminal/screen.ts';

/** Shows on a terminal how far a transfer is, or why the next request has to wait. */
export class Progress {
  readonly #screen: Screen;
  #transfer = '';
  #wait: { readonly reason: string; readonly until: number } | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Returns what is to be called as the transfer goes on. `verb` is what it does, for example `Uploading`. */
  follow(verb: string): (progress: TransferProgress) => void {
    return ({ done, total }) => {
      const share = total ? ` of ${formatSize(total)} (${Math.floor((100 * done) / total)} %)` : '';
      this.#transfer = `${verb} ${formatSize(done)}${share}`;
      this.#screen.spin(this.#text);
    };
  }

  /** Shows a wait until `endWait` is called. Returns its text. */
  wait({ reason, delay }: GraphWait): string {
    this.#wait = { reason, until: Date.now() + delay };
    this.#screen.spin(this.#text);
    return this.#text();
  }

  /** To be called before each request: it ends the wait before it. */
  endWait(): void {
    this.#wait = undefined;
    if (this.#transfer === '') this.end();
  }

  /** To be called before anything is printed. */
  end(): void {
    this.#screen.clear();
  }

  readonly #text = (): string => {
    if (!this.#wait) return this.#transfer;
    const { reason, until } = this.#wait;
    return `${reason}; next attempt in ${Math.ceil((until - Date.now()) / 1000)} s`;
  };
}

/** 1536 becomes '1.5 KiB'. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
