import type { GraphSilence, GraphWait, TransferProgress } from 'onedrive-graph';
import type { Screen } from '../../terminal/screen.ts';

interface Transfer {
  readonly verb: string;
  readonly done: number;
  readonly total: number | undefined;
}

/** As onedrive-graph tells of a silence. */
const silenceNoticeMs = 5_000;

/** Shows on a terminal how far a transfer is, or what the command waits for. */
export class Progress implements Disposable {
  readonly #screen: Screen;
  readonly #tellsWaits: boolean;
  #transfer: Transfer | undefined;
  #isWaiting = false;
  #silence: GraphSilence | undefined;

  /** With `tellsWaits`, each wait is also a line that stays. */
  constructor(screen: Screen, { tellsWaits }: { tellsWaits: boolean }) {
    this.#screen = screen;
    this.#tellsWaits = tellsWaits;
  }

  /** Returns what is to be called as the transfer goes on. `verb` is what it does, for example `Uploading`. */
  follow(verb: string): (progress: TransferProgress) => void {
    return ({ done, total }) => {
      const isContinued = this.#transfer !== undefined && this.#transfer.done <= done;
      this.#transfer = { verb, done, total };
      if (!isContinued) this.#showTransfer(done);
    };
  }

  /** Shows a wait until `endWait` is called. */
  wait({ reason, delay }: GraphWait): void {
    const until = Date.now() + delay;
    if (this.#tellsWaits) this.#screen.say(`${reason}; next attempt in ${Math.ceil(delay / 1000)} s`);
    this.#screen.spin(() => `${reason}; next attempt in ${Math.ceil((until - Date.now()) / 1000)} s`);
    this.#isWaiting = true;
  }

  /** Shows that nothing comes, until something comes. */
  silence(silence: GraphSilence): void {
    const { host, timeout, ended } = silence;
    const startedAt = performance.now() - silenceNoticeMs;
    this.#silence = silence;
    this.#screen.spin(() => {
      const seconds = Math.floor((performance.now() - startedAt) / 1000);
      return `Nothing from ${host} for ${seconds} s, gives up after ${timeout / 1000} s; Ctrl-C cancels`;
    });
    void ended.then(() => {
      if (this.#silence !== silence) return;
      this.#silence = undefined;
      if (!this.#isWaiting) this.#showTransferOrNothing();
    });
  }

  /** To be called before each request: it ends the wait before it. */
  endWait(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#showTransferOrNothing();
  }

  /** The transfer has ended. */
  end(): void {
    this.#transfer = undefined;
    this.#silence = undefined;
    this.#screen.clear();
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #showTransferOrNothing(): void {
    if (this.#transfer) this.#showTransfer(this.#transfer.done);
    else this.#screen.clear();
  }

  /** The rate counts from here, without the bytes and waits before it. */
  #showTransfer(from: number): void {
    const startedAt = performance.now();
    this.#screen.spin(() => {
      const { verb, done, total } = this.#transfer ?? { verb: '', done: 0, total: undefined };
      const share = total ? ` of ${formatSize(total)} (${Math.floor((100 * done) / total)} %)` : '';
      const rate = (done - from) / Math.max(1, (performance.now() - startedAt) / 1000);
      return `${verb} ${formatSize(done)}${share}, ${formatSize(rate)}/s`;
    });
  }
}

/** 1536 becomes '1.5 KiB'. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${power === 0 ? Math.round(bytes) : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
