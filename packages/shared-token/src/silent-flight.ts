import { Flight } from './flight.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { type Need, obtainSilently } from './refresh.ts';
import { signInRequired, tryAgainError } from './shared-token-error.ts';
import type { SilentOutcome } from './silent-outcome.ts';
import type { Held } from './token-in-memory.ts';
import type { UsableRecord } from './token-response.ts';

/** A `SilentOutcome` whose token is in memory, in the form that callers get. */
export type HeldOutcome = Exclude<SilentOutcome, { type: 'token' }> | ({ type: 'token' } & Held);

/** One attempt to get a token without asking a person, for all callers that can join it. */
export class SilentFlight extends Flight<HeldOutcome> {
  readonly #keeper: RecordKeeper;
  readonly #need: Need;
  readonly #bridge: { record: UsableRecord | undefined };

  /** Calls `land` with the outcome, even if all callers have left, and with whether there are any left. */
  constructor(keeper: RecordKeeper, need: Need, land: (outcome: SilentOutcome, hasCallers: boolean) => HeldOutcome) {
    const bridge = { record: need.held };
    super(async (signal) => land(await obtainSilently(keeper, { ...need, bridge, signal }), !signal.aborted));
    this.#keeper = keeper;
    this.#need = need;
    this.#bridge = bridge;
  }

  /**
   * A forcing caller may not join an unforced refresh, nor one for another rejected token. A caller with a `minValid` may join only a
   * refresh with the same one: a larger value may demand less, because nearly the whole life of a token counts as half of it.
   */
  isFor({ forced, resends, held, minValid }: Need): boolean {
    const { forced: isForced, resends: resent, held: rejected, minValid: enough } = this.#need;
    const forces = isForced && (resent || !resends) && rejected?.accessToken === held?.accessToken;
    return this.isJoinable && (forces || !forced) && (minValid === 0 || minValid === enough);
  }

  /**
   * The outcome, at `end` at the latest. As soon as the store is silent, an unforced call gets a token that is still valid, if there is
   * one: the one that the work has read, or the one that is in memory by then.
   */
  async outcome(
    end: number,
    { forced }: Need,
    signal: AbortSignal,
    bridgeOf: (known?: UsableRecord) => UsableRecord | undefined,
  ): Promise<HeldOutcome> {
    const { signOuts, settings, stored } = this.#keeper;
    const error = tryAgainError('No token came in time, from the store, the provider or another process');
    const limit = new AbortController();
    const joined = this.join(AbortSignal.any([signal, limit.signal]));
    const { promise: bridged, resolve, reject } = Promise.withResolvers<HeldOutcome>();
    const findBridge = async (): Promise<void> => {
      const bridge = bridgeOf(this.#bridge.record);
      if (bridge && !forced) resolve({ type: 'failed', error, bridge });
    };
    // Timers call it: without the catch, an error of `accepts` would end the process.
    const giveBridge = (): unknown => findBridge().catch(reject);
    const stop = stored.whenSilent(giveBridge);
    const timer = setTimeout(() => {
      giveBridge();
      limit.abort(signOuts === this.#keeper.signOuts ? error : signInRequired('signed-out', settings));
    }, end - performance.now());
    // The timer stays if `bridged` comes first, because the work goes on.
    joined.catch(() => {}).finally(() => clearTimeout(timer));
    try {
      return await Promise.race([joined, bridged]);
    } finally {
      stop();
    }
  }
}
