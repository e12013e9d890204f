import type { GraphSilence, GraphWait, TransferProgress } from 'onedrive-graph';
import type { Screen } from '../../terminal/screen.ts';

/** As onedrive-graph tells of a silence. */
const silenceNoticeMs = 5_000;

/** Shows on a terminal how far a transfer is, or what the command waits for. */
export class Progress implements Disposable {
  readonly #screen: Screen;
  readonly #tellsWaits: boolean;
  #transfer: (TransferProgress & { readonly verb: string }) | undefined;
  #wait: { readonly reason: string; readonly until: number } | undefined;
  #silence: (GraphSilence & { readonly since: number }) | undefined;
  /** The rate counts from here, without the bytes and waits before it. */
  #start = { at: 0, done: 0 };

  /** With `tellsWaits`, each wait is also a line that stays. */
  constructor(screen: Screen, { tellsWaits }: { tellsWaits: boolean }) {
    this.#screen = screen;
    this.#tellsWaits = tellsWaits;
  }

  /** Returns what is to be called as the transfer goes on. `verb` is what it does, for example `Uploading`. */
  follow(verb: string): (progress: TransferProgress) => void {
    return (progress) => {
      const isContinued = this.#transfer !== undefined && this.#transfer.done <= progress.done;
      this.#transfer = { ...progress, verb };
      if (!isContinued) this.#show();
    };
  }

  /** Shows a wait until `endWait` is called. */
  wait({ reason, delay }: GraphWait): void {
    this.#wait = { reason, until: Date.now() + delay };
    if (this.#tellsWaits) this.#screen.say(this.#text());
    this.#show();
  }

  /** To be called before each request: it ends the wait before it. */
  endWait(): void {
    if (!this.#wait) return;
    this.#wait = undefined;
    this.#show();
  }

  /** Shows that nothing comes, until something comes. */
  silence(silence: GraphSilence): void {
    const shown = { ...silence, since: performance.now() - silenceNoticeMs };
    this.#silence = shown;
    this.#show();
    void silence.ended.then(() => {
      if (this.#silence !== shown) return;
      this.#silence = undefined;
      this.#show();
    });
  }

  /** The transfer has ended. */
  end(): void {
    this.#transfer = undefined;
    this.#wait = undefined;
    this.#silence = undefined;
    this.#show();
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #show(): void {
    this.#start = { at: performance.now(), done: this.#transfer?.done ?? 0 };
    if (this.#text() === '') this.#screen.clear();
    else this.#screen.spin(() => this.#text());
  }

  #text(): string {
    if (this.#wait) {
      const { reason, until } = this.#wait;
      return `${reason}; next attempt in ${Math.ceil((until - Date.now()) / 1000)} s`;
    }
    if (this.#silence) {
      const { host, timeout, since } = this.#silence;
      const seconds = Math.floor((performance.now() - since) / 1000);
      return `Nothing from ${host} for ${seconds} s, gives up after ${timeout / 1000} s; Ctrl-C cancels`;
    }
    if (!this.#transfer) return '';
    const { verb, done, total } = this.#transfer;
    const share = total ? ` of ${formatSize(total)} (${Math.floor((100 * done) / total)} %)` : '';
    const rate = (done - this.#start.done) / Math.max(1, (performance.now() - this.#start.at) / 1000);
    return `${verb} ${formatSize(done)}${share}, ${formatSize(rate)}/s`;
  }
}

/** 1536 becomes '1.5 KiB'. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${power === 0 ? Math.round(bytes) : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
