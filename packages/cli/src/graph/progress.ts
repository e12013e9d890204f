import type { Screen } from '../screen.ts';

/** Shows on a terminal how far a transfer is. */
export class Progress implements Disposable {
  readonly #screen: Screen;
  readonly #started = performance.now();
  readonly #from: number;
  #done: number;

  /** `total` is undefined where the other side doesn't say; `done` is what an earlier attempt has brought over. */
  constructor(screen: Screen, verb: string, total: number | undefined, done = 0) {
    this.#screen = screen;
    this.#from = done;
    this.#done = done;
    screen.spin(() => {
      const share = total ? ` of ${formatSize(total)} (${Math.floor((100 * this.#done) / total)} %)` : '';
      const rate = (this.#done - this.#from) / Math.max(1, (performance.now() - this.#started) / 1000);
      return `${verb} ${formatSize(this.#done)}${share}, ${formatSize(rate)}/s`;
    });
  }

  at(done: number): void {
    this.#done = done;
  }

  [Symbol.dispose](): void {
    this.#screen.clear();
  }
}

/** 1536 becomes '1.5 KiB'. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${power === 0 ? Math.round(bytes) : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
