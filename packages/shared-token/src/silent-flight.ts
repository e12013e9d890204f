import { Flight } from './flight.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { type Need, obtainSilently } from './refresh.ts';
import { signInRequired, tryAgainError } from './shared-token-error.ts';
import type { SilentOutcome } from './silent-outcome.ts';
import type { Held } from './token-in-memory.ts';
import type { UsableRecord } from './token-response.ts';
import { usableRecord } from './usable-token.ts';

/** The same, with what callers get: it is in memory. */
export type HeldOutcome = Exclude<SilentOutcome, { type: 'token' }> | ({ type: 'token' } & Held);

/** One try to get a token without asking a person, for all callers that can join it. */
export class SilentFlight extends Flight<HeldOutcome> {
  readonly #keeper: RecordKeeper;
  readonly #need: Need;
  readonly #bridge: { record: UsableRecord | undefined };

  /** `land` is called with what it ends with, also if all callers have left, and with whether there are any. */
  constructor(keeper: RecordKeeper, need: Need, land: (outcome: SilentOutcome, hasCallers: boolean) => HeldOutcome) {
    const bridge = { record: need.held };
    super(async (signal) => land(await obtainSilently(keeper, { ...need, bridge, signal }), !signal.aborted));
    this.#keeper = keeper;
    this.#need = need;
    this.#bridge = bridge;
  }

  /**
   * A caller that forces may not join an unforced refresh, nor one that knows of another rejected token. And none with a minValid joins
   * one for another: more of it may be less, because what is nearly the token's life counts as half of it.
   */
  isFor({ forced, resends, held, minValid }: Need): boolean {
    const { forced: isForced, resends: resent, held: rejected, minValid: enough } = this.#need;
    const forces = isForced && (resent || !resends) && rejected?.accessToken === held?.accessToken;
    return this.isJoinable && (forces || !forced) && (minValid === 0 || minValid === enough);
  }

  /**
   * What it ends with, at the latest at `end`. While the store is silent, a token that is still valid comes first, unless the call forces:
   * one that it knows, or that is in memory by then.
   */
  async outcome(
    end: number,
    { forced }: Need,
    signal: AbortSignal,
    inMemory: () => UsableRecord | undefined,
  ): Promise<HeldOutcome> {
    const { signOuts, settings, stored, acceptance } = this.#keeper;
    const error = tryAgainError('No token came in time, from the store, the provider or another process');
    const limit = new AbortController();
    const joined = this.join(AbortSignal.any([signal, limit.signal]));
    const { promise: bridged, resolve, reject } = Promise.withResolvers<HeldOutcome>();
    const findBridge = async (): Promise<void> => {
      const bridge = usableRecord(this.#bridge.record ?? inMemory(), acceptance.accepts);
      if (bridge && !forced) resolve({ type: 'failed', error, bridge });
    };
    // Timers call it: what `accepts` throws would end the process.
    const giveBridge = (): unknown => findBridge().catch(reject);
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
