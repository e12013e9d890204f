import { Flight } from './flight.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { obtainSilently, type SilentOutcome, type SilentRequest } from './refresh.ts';
import { SharedTokenError, signInRequired } from './shared-token-error.ts';
import { usableRecord } from './usable-token.ts';

/** One try to get a token without asking a person, for all callers that can join it. */
export class SilentFlight extends Flight<SilentOutcome> {
  readonly #keeper: RecordKeeper;
  readonly #request: Omit<SilentRequest, 'signal'>;

  constructor(keeper: RecordKeeper, request: Omit<SilentRequest, 'signal'>) {
    super((signal) => obtainSilently(keeper, Object.assign(request, { signal })));
    this.#keeper = keeper;
    this.#request = request;
  }

  /** A caller that forces may not join an unforced refresh, nor a caller for which the token has to be valid for longer. */
  isFor(forced: boolean, minValid: number): boolean {
    return this.isJoinable && (this.#request.forced || !forced) && (this.#request.minValid ?? 0) >= minValid;
  }

  /** What it ends with, at the latest at `end`. While the store is silent, a token that is still valid comes first. */
  async outcome(end: number, signal: AbortSignal): Promise<SilentOutcome> {
    const { signOuts, settings, stored, acceptance } = this.#keeper;
    const error = new SharedTokenError('STORE', 'The store did not answer in time', { retryable: true });
    const limit = new AbortController();
    const joined = this.join(AbortSignal.any([signal, limit.signal]));
    const { promise: bridged, resolve } = Promise.withResolvers<SilentOutcome>();
    const giveBridge = (): void => {
      const { forced, bridge: candidate } = this.#request;
      const bridge = forced ? undefined : usableRecord(candidate, acceptance.accepts, { skew: 0 });
      if (bridge) resolve({ type: 'failed', error, bridge });
    };
    const stop = stored.whenSilent(giveBridge);
    const timer = setTimeout(() => {
      giveBridge();
      limit.abort(signOuts === this.#keeper.signOuts ? error : signInRequired('signed-out', settings));
    }, end - performance.now());
    // The work goes on after that.
    joined.catch(() => {}).finally(() => clearTimeout(timer));
    try {
      return await Promise.race([joined, bridged]);
    } finally {
      stop();
    }
  }
}
