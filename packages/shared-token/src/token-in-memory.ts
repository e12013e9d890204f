import type { TokenRecord } from 'token-store-kit';
import type { AccessToken, UsableRecord } from './token-response.ts';
import { endsByRejection, hasAccessToken, hasEnded, isOlder, isStale, toAccessToken } from './usable-token.ts';

/** A record, and its token as callers get it. */
export interface Held {
  readonly record: UsableRecord;
  readonly token: AccessToken;
  /** The wall clock minus the monotonic clock, which is never set back, when the token came into memory. */
  readonly clockOffset: number;
  /** Access tokens that this one replaced. */
  readonly replaced: Set<string | undefined>;
}

/** How a record comes into memory. */
interface Holding {
  /** Access tokens that it replaces, whatever their times say: the one in memory when the work for it began, or the refreshed one. */
  readonly replaced?: readonly (string | undefined)[];
  /** Whether a forcing caller waits for the record. Then a held token that may be older does not stay: an API may have rejected it. */
  readonly forced?: boolean;
  /** How long the caller needs a token. It decides if the times do not tell which token is newer. */
  readonly minValid?: number | undefined;
}

/** The token in memory, which nearly every call of a running program gets. */
export class TokenInMemory {
  readonly #skew: number;
  readonly #accepts: (record: UsableRecord) => boolean;
  #held: Held | undefined;
  /** By the monotonic clock. Until then the token counts until it expires, because its refresh failed. */
  #bridgedUntil = 0;

  constructor(skew: number, accepts: (record: UsableRecord) => boolean) {
    this.#skew = skew;
    this.#accepts = accepts;
  }

  /** The record in memory, even if its token has ended. With it, a call can tell that another token in the store was not rejected. */
  get record(): UsableRecord | undefined {
    return this.#held?.record;
  }

  /** Whether no refresh may be tried now. */
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

  /** Returns what callers get: a newer record in memory, otherwise this record, which is then in memory. */
  hold(record: UsableRecord, { replaced = [], forced = false, minValid }: Holding = {}): Held {
    const { accessToken, signedInAt, obtainedAt } = record;
    const held = this.#held;
    const isSame = held?.token.accessToken === accessToken && held.record.signedInAt === signedInAt;
    // A refresh may give the same token a longer life. Otherwise, the held record stays, because the wall clock may have been set since,
    // or because it has the mark of a rejection.
    const isLonger = isSame && held.record.obtainedAt !== obtainedAt && !hasEnded(held.record);
    const older = isSame ? held.replaced : new Set<string | undefined>();
    for (const token of replaced) if (token !== accessToken) older.add(token);
    if (isSame && !isLonger && !hasEnded(record)) return held;
    if (held && !isSame && !replaced.includes(held.token.accessToken)) {
      const wasReplaced = held.replaced.has(accessToken);
      // An API may have rejected both, and a person may have replaced the one before.
      if (wasReplaced && hasEnded(held.record)) return held;
      const isLess = wasReplaced || isOlder(record, held.record);
      if (!isOver(held) && (isLess ?? (!forced && this.good(minValid)))) return held;
    }
    const token = Object.freeze(toAccessToken(record));
    const clockOffset = Date.now() - performance.now();
    this.#bridgedUntil = 0;
    this.#held = { record: Object.freeze({ ...record }), token, clockOffset, replaced: older };
    return this.#held;
  }

  /** The refresh of this token failed. No refresh is tried again for so many milliseconds. */
  bridge({ accessToken }: UsableRecord, milliseconds: number): void {
    if (this.#held?.token.accessToken === accessToken)
      this.#bridgedUntil = Math.max(this.#bridgedUntil, performance.now() + milliseconds);
  }

  /** An API has rejected this token. If that ends the token, it is not given out again, even if an earlier read brings it. */
  reject(record: TokenRecord | undefined): void {
    if (!record || !hasAccessToken(record) || !endsByRejection(record)) return;
    const held = this.#held;
    // Another token that was put into memory meanwhile stays there, even if the clocks of their records say that it is older.
    if (held && held.token.accessToken !== record.accessToken) held.replaced.add(record.accessToken);
    else this.hold({ ...record, refusedAt: Date.now() });
  }

  /**
   * Whether the token is known to have ended: an API has rejected it or the token that replaced it, a newer token has replaced it and its
   * expiry is unknown, or it looks valid only because the wall clock was set back.
   */
  hasEnded(known: UsableRecord): boolean {
    if (!this.#held) return false;
    const { record, clockOffset, token, replaced } = this.#held;
    if (token.accessToken !== known.accessToken)
      return replaced.has(known.accessToken) && (hasEnded(record) || endsByRejection(known));
    const wasSetBack = isStale(record, performance.now() + clockOffset) && !isStale(record, Date.now());
    // A call that gets true forces a refresh. Without a refresh token, that would end the sign-in.
    return hasEnded(record) || (wasSetBack && record.refreshToken !== undefined);
  }

  clear(): void {
    this.#held = undefined;
  }
}

/** Whether the token has ended, by the later of both clocks. `obtainedAt` does not count: if a clock was set back, it is in the future. */
function isOver({ record, clockOffset }: Held): boolean {
  const { expiresAt = Number.POSITIVE_INFINITY } = record;
  return hasEnded(record) || expiresAt <= Math.max(Date.now(), performance.now() + clockOffset);
}
