import type { TokenEvent } from 'onedrive-token-handler';
import { printable } from '../terminal/printable.ts';
import type { Screen } from '../terminal/screen.ts';

/** Most refreshes are done by then, and need no words. */
const noticeAfterMs = 1_000;

/** Tells on a terminal what a refresh waits for, if it takes long. */
export class RefreshNotice implements Disposable {
  readonly #screen: Screen;
  #timer: NodeJS.Timeout | undefined;
  #what = '';
  #isShown = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  onEvent(event: TokenEvent): void {
    switch (event.type) {
      case 'refresh-started':
        this.#begin('Waiting for the provider to refresh the token');
        break;
      case 'retry':
        if (this.#timer) this.#what = printable(event.reason);
        break;
      case 'waiting':
        if (event.for === 'refresh') this.#begin('Waiting for another process to finish its refresh');
        break;
      case 'refreshed':
      case 'refresh-failed':
      case 'stored-token':
        this[Symbol.dispose]();
        break;
      default:
        break;
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isShown) this.#screen.clear();
    this.#isShown = false;
  }

  #begin(what: string): void {
    this.#what = what;
    if (this.#timer) return;
    const startedAt = performance.now();
    const show = (): void => {
      this.#isShown = true;
      this.#screen.spin(() => {
        const seconds = Math.floor((performance.now() - startedAt) / 1000);
        return `${this.#what} (${seconds} s), Ctrl-C cancels`;
      });
    };
    this.#timer = setTimeout(show, noticeAfterMs).unref();
  }
}
