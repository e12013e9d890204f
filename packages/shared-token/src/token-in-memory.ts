import type { TokenRecord } from 'token-store-kit';
import type { AccessToken, UsableRecord } from './token-response.ts';
import { endsByRejection, hasAccessToken, hasEnded, isOlder, isStale, toAccessToken } from './usable-token.ts';

/** A record, and its token as callers get it. */
export interface Held {
  readonly record: UsableRecord;
  readonly token: AccessToken;
  /** Between the wall clock and the monotonic one, which is never set back, when the token was put there. */
  readonly clockOffset: number;
  /** Access tokens that it took the place of. */
  readonly useless: readonly (string | undefined)[];
}

/** How a record comes into memory. */
interface Holding {
  /** Access tokens that it takes the place of, whatever their times say: one was held when the work for it began, or was refreshed. */
  readonly useless?: readonly (string | undefined)[];
  /** A caller that forces waits for it: a token of which nobody knows whether it is newer may be the one that an API has rejected. */
  readonly forced?: boolean;
  /** For how long the caller needs one, if it is not known which is newer. */
  readonly minValid?: number | undefined;
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

  /** Good or not, also one that has ended: what the store has in its place was not rejected. */
  get record(): UsableRecord | undefined {
    return this.#held?.record;
  }

  /** Whether no refresh is to be tried now. */
  get isBridged(): boolean {
    return performance.now() < this.#bridgedUntil;
  }

  /** The token, if it is good. Nothing is awaited and next to nothing is allocated. What `accepts` throws passes through. */
  good(minValid?: number): Held | undefined {
    if (!this.#held) return undefined;
    const { record, clockOffset } = this.#held;
    const clock = performance.now();
    const validity = clock < this.#bridgedUntil ? { skew: 0 } : { skew: this.#skew, minValid };
    if (isStale(record, Date.now(), validity) || isStale(record, clock + clockOffset, validity)) return undefined;
    return this.#accepts(record) ? this.#held : undefined;
  }

  /** What callers get: a newer one that is held; else the record, which is held from now on. */
  hold(record: UsableRecord, { useless = [], forced = false, minValid }: Holding = {}): Held {
    const { accessToken, signedInAt, obtainedAt } = record;
    const held = this.#held;
    const isSame = held?.token.accessToken === accessToken && held.record.signedInAt === signedInAt;
    // A refresh may give it a longer life. Else it stays as it is: the wall clock may have been set since, or it has ended.
    const isLonger = isSame && held.record.obtainedAt !== obtainedAt && !hasEnded(held.record);
    if (isSame && !isLonger && !hasEnded(record)) return held;
    const isOfUse = held && !useless.includes(held.token.accessToken) && !isOver(held);
    if (isOfUse && !isSame) {
      const isLess = held.useless.includes(accessToken) || isOlder(record, held.record);
      if (isLess ?? (!forced && this.good(minValid))) return held;
    }
    const token = Object.freeze(toAccessToken(record));
    const clockOffset = Date.now() - performance.now();
    this.#bridgedUntil = 0;
    this.#held = { record: Object.freeze({ ...record }), token, clockOffset, useless };
    return this.#held;
  }

  /** Its token could not be refreshed, and is not to be for so long. */
  bridge({ accessToken }: UsableRecord, milliseconds: number): void {
    if (this.#held?.token.accessToken === accessToken)
      this.#bridgedUntil = Math.max(this.#bridgedUntil, performance.now() + milliseconds);
  }

  /** An API has rejected its token. If that has ended, it is not given out again, also if a read of before brings it. */
  reject(record: TokenRecord | undefined): void {
    if (record && hasAccessToken(record) && endsByRejection(record)) this.hold({ ...record, refusedAt: Date.now() });
  }

  /**
   * Whether its token is known to have ended: an API has rejected it, a newer one took its place although nobody knows its end, or only a
   * wall clock that was set back says that it is valid.
   */
  hasEnded(known: UsableRecord): boolean {
    if (!this.#held) return false;
    const { record, clockOffset, token, useless } = this.#held;
    if (token.accessToken !== known.accessToken) return useless.includes(known.accessToken) && endsByRejection(known);
    const wasSetBack = isStale(record, performance.now() + clockOffset) && !isStale(record, Date.now());
    // A call that finds it ended forces. Without a refresh token, that would end the sign-in.
    return hasEnded(record) || (wasSetBack && record.refreshToken !== undefined);
  }

  clear(): void {
    this.#held = undefined;
  }
}

/** Whether its token has ended, by the later of both clocks. That it is of the future, a wall clock that was set back says of the newest one. */
function isOver({ record, clockOffset }: Held): boolean {
  const { expiresAt = Number.POSITIVE_INFINITY } = record;
  return hasEnded(record) || expiresAt <= Math.max(Date.now(), performance.now() + clockOffset);
}
