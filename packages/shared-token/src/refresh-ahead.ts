import type { RecordKeeper } from './record-keeper.ts';
import { obtainSilently } from './refresh.ts';
import type { SilentOutcome } from './silent-outcome.ts';
import type { UsableRecord } from './token-response.ts';
import { isStale } from './usable-token.ts';

/** A program that ends within this time has sent no request, so it loses no answer, and does not wait for one. */
const delayMs = 100;

/** After a refresh ahead that brought no token, because it failed or another process holds the lock. */
const pauseAfterFailureMs = 5_000;

/** Refreshes a token that is still good, while callers go on using it. One refresh at a time; failures are events. */
export class RefreshAhead {
  readonly #keeper: RecordKeeper;
  /** By the monotonic clock. Infinity while a refresh is under way. */
  #pausedUntil = 0;

  constructor(keeper: RecordKeeper) {
    this.#keeper = keeper;
  }

  /** Whether it is time to refresh this token ahead. Not within the skew: there, calls wait for a refresh, or a refresh has failed. */
  isDue(record: UsableRecord): boolean {
    const { refreshAhead: ahead, expirySkew: skew } = this.#keeper.settings;
    if (ahead === 0 || performance.now() < this.#pausedUntil) return false;
    const now = Date.now();
    return isStale(record, now, { skew, ahead }) && !isStale(record, now, { skew });
  }

  /** Calls `start` after `delayMs`. The timer does not keep the process alive. */
  schedule(start: () => void): void {
    this.#pausedUntil = Number.POSITIVE_INFINITY;
    this.#keeper.callUserCode(() => setTimeout(start, delayMs).unref());
  }

  /** Resolves with the record of a refresh by this process or another one, if there is one. */
  async run(held: UsableRecord, signal: AbortSignal): Promise<SilentOutcome> {
    let pauseMs = pauseAfterFailureMs;
    try {
      const { refreshAhead: ahead } = this.#keeper.settings;
      const outcome = await obtainSilently(this.#keeper, { held, forced: false, ahead, signal });
      if (outcome.type === 'token') pauseMs = 0;
      return outcome;
    } finally {
      this.#pausedUntil = performance.now() + pauseMs;
    }
  }
}
