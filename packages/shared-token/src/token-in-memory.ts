import type { AccessToken, UsableRecord } from './token-response.ts';
import { isStale, toAccessToken } from './usable-token.ts';

interface Held {
  readonly record: UsableRecord;
  readonly token: AccessToken;
  /** Between the wall clock and the monotonic one, which is never set back, when the token was put there. */
  readonly clockOffset: number;
}

/** What nearly every call of a running program ends with. */
export class TokenInMemory {
  readonly #skew: number;
  readonly #accepts: (record: UsableRecord) => boolean;
  #held: Held | undefined;
  /** By the monotonic clock: until then the token counts to its very end, because it could not be refreshed. */
  #bridgedUntil = 0;

  constructor(skew: number, accepts: (record: UsableRecord) => boolean) {
    this.#skew = skew;
    this.#accepts = accepts;
  }

  /** Good or not. */
  get record(): UsableRecord | undefined {
    return this.#held?.record;
  }

  /** The token, if it is good. Nothing is awaited and next to nothing is allocated. What `accepts` throws passes through. */
  get(minValid?: number): AccessToken | undefined {
    if (!this.#held) return undefined;
    const { record, token, clockOffset } = this.#held;
    const clock = performance.now();
    const validity = clock < this.#bridgedUntil ? { skew: 0 } : { skew: this.#skew, minValid };
    if (isStale(record, Date.now(), validity) || isStale(record, clock + clockOffset, validity)) return undefined;
    return this.#accepts(record) ? token : undefined;
  }

  /** Puts one in its place. `bridgeMs`: for how long it counts to its very end. */
  put(record: UsableRecord, bridgeMs = 0): AccessToken {
    const token = Object.freeze(toAccessToken(record));
    const now = performance.now();
    this.#held = { record: Object.freeze({ ...record }), token, clockOffset: Date.now() - now };
    this.#bridgedUntil = now + bridgeMs;
    return token;
  }

  clear(): void {
    this.#held = undefined;
  }
}
