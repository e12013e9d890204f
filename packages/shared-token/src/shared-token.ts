// `AsyncDisposable` is not in the default library of TypeScript.
/// <reference lib="esnext.disposable" preserve="true" />
import { AsyncLocalStorage } from 'node:async_hooks';
import { refuseUnknown, settled, type TokenRecord } from 'token-store-kit';
import { Flight } from './flight.ts';
import {
  type GetTokenOptions,
  readDuration,
  readOptions,
  type Settings,
  type SharedTokenOptions,
  type SignIn,
  type SignInOptions,
} from './options.ts';
import { type Held, type Need, type Outcome, StoredRecord } from './record.ts';
import { look, obtain, type SilentNeed } from './refresh.ts';
import { revokeSignIn } from './revoke.ts';
import { isSignedOut, retryAfterOf, SharedTokenError, signInRequired, tryAgainError } from './shared-token-error.ts';
import type { SharedTokenEvent } from './shared-token-event.ts';
import { type SignInRequest, signInInTurn } from './sign-in.ts';
import { type AccessToken, isStale, toAccessToken, type UsableRecord } from './usable-token.ts';

/** If a refresh takes longer than this and fails while the old token is valid, it is not tried again for as long as it took. */
const slowRefreshMs = 1_000;

/** The time limit of getToken() is `refreshTimeout` and this time, which is for the store and the locks of other processes. */
const storeLimitMs = 14_000;

/** A call begins so many refreshes at most. A second one is needed only if what it needs has changed meanwhile. */
const maxFlights = 3;

/** A program that ends within this time has sent no request, so it loses no answer, and does not wait for one. */
const aheadDelayMs = 100;

/** After a refresh ahead that brought no token, because it failed or another process holds the lock. */
const aheadPauseMs = 5_000;

/** A refresh, or a sign-in, that calls may join. */
interface Silent {
  readonly flight: Flight<Outcome>;
  readonly need: SilentNeed;
}

type SignInCause = Pick<SignInRequest, 'reason' | 'lookAgain'>;

interface Asking {
  readonly flight: Flight<UsableRecord>;
  readonly request: SignInRequest;
  /** The token that an API had rejected when it began. */
  readonly rejected: string | undefined;
  hasAsked: boolean;
}

const tooLate = (): SharedTokenError =>
  tryAgainError('No token came in time, from the store, the provider or another process');

/**
 * One access token for all callers, processes and machines that share a store: from memory, else the store, else one
 * refresh of all processes, else one sign-in of all.
 *
 * This file decides only which of these steps a call takes. The steps themselves are in refresh.ts and sign-in.ts, what is known and
 * written in record.ts.
 */
export class SharedToken implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #stored: StoredRecord;
  readonly #closing = new AbortController();
  /** Aborts at the next sign-out. */
  #signedOut = new AbortController();
  /** The work under way that calls may join. */
  #silent: Silent | undefined;
  #asking: Asking | undefined;
  readonly #flights = new Set<Flight<unknown>>();
  /** The access token that was given out last. That is the one that a call rejects which forces a refresh. */
  #given: string | undefined;
  /** A token that is used to its end, because its refresh failed, and until when by the monotonic clock. */
  #bridge: { token: string | undefined; until: number } = { token: undefined, until: 0 };
  /** No refresh ahead begins before this time, by the monotonic clock. Infinity while one is under way. */
  #aheadFrom = 0;
  #closed: Promise<void> | undefined;

  /** Reads nothing yet. Throws TypeError or RangeError, naming the option that cannot be used. */
  constructor(options: SharedTokenOptions) {
    this.#settings = readOptions(options);
    const outside = AsyncLocalStorage.snapshot() as <T>(call: () => T) => T;
    const emit = (event: SharedTokenEvent, error?: unknown): void => {
      const { onEvent } = this.#settings;
      // A listener that fails must not cost the token.
      if (onEvent) outside(async () => onEvent(event, error)).catch(() => {});
    };
    this.#stored = new StoredRecord(this.#settings, emit, outside);
  }

  /**
   * A valid access token. It is stored before it is returned. If that fails for 10 seconds, an event reports it, the token is
   * returned, and the write is tried again until it succeeds.
   *
   * Unless it waits for a person's sign-in, in any process, the call takes at most `refreshTimeout` and 15 seconds, whatever the store does.
   *
   * Throws SharedTokenError, what `refresh` or `signIn` threw, or the signal's reason.
   */
  async getToken(options: GetTokenOptions = {}): Promise<AccessToken> {
    const token = this.peek(options) ?? (await this.#obtain(options));
    if (this.#settings.refreshAhead > 0) this.#scheduleRefreshAhead();
    return token;
  }

  /** The token in memory if getToken() would return it, without a promise. An error of `accepts` passes through. */
  peek(options: GetTokenOptions = {}): AccessToken | undefined {
    const { interactive: _, forceRefresh, minValid, signal, ...unknown } = options;
    refuseUnknown(unknown);
    if (minValid !== undefined) readDuration('minValid', minValid);
    if (forceRefresh || signal?.aborted || this.#closing.signal.aborted) return undefined;
    const token = this.#good({ skew: this.#settings.expirySkew, minValid })?.token;
    if (token) this.#given = token.accessToken;
    return token;
  }

  /**
   * Asks the person, whatever is stored. Simultaneous calls without a `signIn` of their own share one sign-in.
   * Throws SharedTokenError, what `signIn` threw, or the signal's reason.
   */
  async signIn(options: SignInOptions = {}): Promise<AccessToken> {
    const { signal, signIn, ...unknown } = options;
    refuseUnknown(unknown);
    this.#assertOpen();
    signal?.throwIfAborted();
    const ask = signIn ?? this.#settings.signIn;
    if (!ask) {
      const remedy = 'Pass signIn to this call or to the constructor';
      throw new SharedTokenError('SIGN_IN_REQUIRED', 'This call needs a signIn function', { remedy });
    }
    const lookAgain = async (): Promise<undefined> => {};
    const cause = { reason: 'requested', lookAgain } as const;
    const asking = (signIn ? undefined : this.#joinableAsking) ?? this.#ask(ask, cause, undefined);
    if (!signIn) this.#asking = asking;
    const until = this.#until(signal);
    const result = asking.flight.join(until);
    await result.catch(() => {});
    // A sign-in that getToken() has begun may end without asking, for example with the sign-in of another process.
    const isOver = asking.hasAsked || asking.request.reason === 'requested' || until.aborted;
    return isOver ? this.#give(await result, until) : this.signIn(options);
  }

  /**
   * Deletes the stored record, of any client. Work under way does not bring it back, and ends in SIGN_IN_REQUIRED: a refresh of any
   * process, a sign-in of this instance, and a sign-in of another process that has read the deleted record. Then calls `revoke`, if there
   * is one, for a record of this client and authority. Throws STORE, also if the store has not answered a write for 12 seconds: that write
   * could still undo the sign-out. Waits for the deletion without a limit: after one that was given up, a new sign-in could be deleted.
   */
  async signOut(): Promise<void> {
    this.#assertOpen();
    const removed = this.#stored.remove();
    const reason = signInRequired('signed-out', this.#settings);
    this.#given = undefined;
    this.#signedOut.abort(reason);
    this.#signedOut = new AbortController();
    for (const flight of this.#flights) flight.stop(reason);
    const record = await removed;
    this.#stored.emit({ type: 'signed-out' });
    if (record) await revokeSignIn(this.#stored, record);
  }

  /** The newest record, if it is of this client and authority; never asks the provider. Throws STORE. */
  async read(): Promise<TokenRecord | undefined> {
    this.#assertOpen();
    await this.#stored.read();
    const { ours } = this.#stored;
    // A copy, because callers must not change what is in memory.
    return ours && { ...ours };
  }

  /**
   * Calls that still wait reject with CLOSED, and a sign-in is asked to stop. Waits at most `refreshTimeout` for work under
   * way, so that the result of a request is stored. Then tries for 5 seconds what could not be written. Every call returns the same
   * promise.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Calls {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const reason = new SharedTokenError('CLOSED', 'This SharedToken was closed', { remedy: 'Make a new one' });
    this.#closing.abort(reason);
    for (const flight of this.#flights) flight.stop(reason);
    const ended = Promise.all([...this.#flights].map((flight) => flight.ended()));
    await settled(
      ended.then(() => this.#stored.beforeClose),
      this.#settings.refreshTimeout,
    );
    await this.#stored.close();
  }

  /** One call of getToken() that memory could not answer. */
  async #obtain(options: GetTokenOptions, need = this.#needOf(options)): Promise<AccessToken> {
    const { interactive, signal } = options;
    this.#assertOpen();
    signal?.throwIfAborted();
    const stored = this.#stored;
    const until = this.#until(signal);
    const outcome = await this.#silently(need, until);
    if (outcome.type === 'token') return this.#give(outcome.record, until);
    const { error, reason } = outcome;
    const { signIn } = this.#settings;
    if (!signIn || !(interactive ?? this.#settings.interactive)) throw error;
    const joined = this.#joinableAsking;
    // Another process may have signed in. The provider has just refused what was refused before.
    const lookAgain = (stop: AbortSignal): Promise<Outcome> => obtain(stored, { ...need, resends: false }, stop);
    const asking = joined ?? this.#ask(signIn, { reason, lookAgain }, need.rejected);
    this.#asking = asking;
    const record = await asking.flight.join(until);
    need.hasFound = true;
    // A sign-in that began before this call may bring the very token that the API rejects. If a later one does, the provider gives it at
    // each sign-in, and asking again would never end.
    const isNew = joined?.rejected === need.rejected || record.accessToken !== need.rejected;
    const isAnswer = !joined && asking.hasAsked;
    return isAnswer || (isNew && stored.accepts(record)) ? this.#give(record, until) : this.#obtain(options, need);
  }

  #needOf({ forceRefresh: isForced = false, minValid }: GetTokenOptions): SilentNeed {
    const rejected = isForced ? this.#given : undefined;
    if (isForced) this.#stored.forgetGrant();
    return { skew: this.#settings.expirySkew, minValid, isForced, rejected, resends: isForced, hasFound: false };
  }

  /** The token without asking a person, or why a person has to be asked. While the old token is valid, it bridges a failure. */
  async #silently(need: SilentNeed, signal: AbortSignal): Promise<Outcome> {
    const stored = this.#stored;
    const limit = new AbortController();
    const { promise: left, reject: leave } = Promise.withResolvers<never>();
    left.catch(() => {});
    const bridge = (): UsableRecord | undefined => (need.isForced ? undefined : stored.good({ skew: 0 })?.record);
    const started = performance.now();
    const timer = setTimeout(() => limit.abort(tooLate()), this.#settings.refreshTimeout + storeLimitMs);
    // The work goes on: a store that is always slow would never see a refresh.
    const stop = stored.whenSlow(() => {
      try {
        if (bridge()) leave(tooLate());
      } catch (error) {
        leave(error);
      }
    });
    try {
      return await this.#search(need, AbortSignal.any([signal, limit.signal]), left);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (isSignedOut(error)) throw error;
      const record = bridge();
      if (!record) throw error;
      const took = performance.now() - started;
      this.#bridgeFor(record, Math.max(took > slowRefreshMs ? took : 0, retryAfterOf(error)));
      return { type: 'token', record };
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  /** Memory, else a refresh that this call may share, else one of its own. */
  async #search(need: SilentNeed, until: AbortSignal, left: Promise<never>): Promise<Outcome> {
    const stored = this.#stored;
    let hasLooked = false;
    for (let begun = 0; ; ) {
      const isKnown = !need.isForced || need.rejected !== undefined;
      const good = isKnown ? this.#good(need) : undefined;
      if (good) return { type: 'token', record: good.record };
      const running = this.#joinable;
      if (running && !hasLooked) {
        // What the store has may be enough. Then this call does not wait for the refresh of another one.
        hasLooked = true;
        const looking = new Flight(() => look(stored, need).catch(() => {}));
        await Promise.race([looking.join(until), left]);
        continue;
      }
      if (begun === maxFlights)
        throw tryAgainError(`The record of ${JSON.stringify(this.#settings.name)} keeps changing`);
      if (!running) begun++;
      const { flight, ...other } = running ?? this.#begin(need);
      const outcome = await Promise.race([flight.join(until), left]);
      const isForIt =
        other.need === need || (other.need.rejected === need.rejected && other.need.minValid === need.minValid);
      if (isForIt && (outcome.type === 'sign-in' || stored.accepts(outcome.record))) return outcome;
    }
  }

  /** The work under way that a call may join. */
  get #joinable(): Silent | undefined {
    return this.#silent?.flight.isJoinable ? this.#silent : undefined;
  }

  get #joinableAsking(): Asking | undefined {
    return this.#asking?.flight.isJoinable ? this.#asking : undefined;
  }

  #begin(need: SilentNeed): Silent {
    this.#silent = { need, flight: this.#fly((signal) => obtain(this.#stored, need, signal)) };
    return this.#silent;
  }

  #ask(signIn: SignIn, cause: SignInCause, rejected: string | undefined): Asking {
    const onAsk = (): void => {
      asking.hasAsked = true;
    };
    // A call that comes while `signIn` still shows its page has the token. If it rejects that, it begins anew.
    const onStored = (): void => {
      if (this.#asking === asking) this.#asking = undefined;
    };
    const request = { signIn, ...cause, onAsk, onStored };
    const asking: Asking = {
      hasAsked: false,
      rejected,
      request,
      flight: this.#fly((signal) => signInInTurn(this.#stored, request, signal)),
    };
    return asking;
  }

  /** Replaces the token in memory before it expires. Callers do not wait for it. */
  #scheduleRefreshAhead(): void {
    const { expirySkew: skew, refreshAhead: ahead } = this.#settings;
    const { held, outside } = this.#stored;
    if (performance.now() < this.#aheadFrom || !held?.token || this.#isBridged(held)) return;
    const now = Date.now();
    // Within the skew, calls wait for a refresh, or a refresh has failed.
    if (!isStale(held.record, now, { skew, ahead }) || isStale(held.record, now, { skew })) return;
    this.#aheadFrom = Number.POSITIVE_INFINITY;
    outside(() => setTimeout(() => this.#refreshAhead(held.record), aheadDelayMs).unref());
  }

  async #refreshAhead(record: TokenRecord): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const { expirySkew: skew, refreshAhead: ahead } = this.#settings;
    const need = { skew, ahead, isForced: false, rejected: undefined, resends: false, hasFound: false };
    let pauseMs = aheadPauseMs;
    try {
      const outcome = await this.#fly((signal) => obtain(this.#stored, need, signal)).join(this.#closing.signal);
      if (outcome.type === 'token') pauseMs = 0;
    } catch (error) {
      this.#bridgeFor(record, retryAfterOf(error));
    }
    this.#aheadFrom = performance.now() + pauseMs;
  }

  #fly<T>(work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const flight = new Flight(work);
    this.#flights.add(flight);
    void flight.ended().then(() => this.#flights.delete(flight));
    return flight;
  }

  #good(need: Need): ReturnType<StoredRecord['good']> {
    const { held } = this.#stored;
    return this.#stored.good(held && this.#isBridged(held) ? { rejected: need.rejected, skew: 0 } : need);
  }

  #isBridged({ record }: Held): boolean {
    return performance.now() < this.#bridge.until && record.accessToken === this.#bridge.token;
  }

  /** The refresh of this token failed. No refresh is tried again for so many milliseconds, while the token is valid. */
  #bridgeFor({ accessToken: token }: TokenRecord, milliseconds: number): void {
    this.#bridge = { token, until: performance.now() + milliseconds };
  }

  /** What callers get, unless a sign-out, close() or an abort came since the call began. */
  #give(record: UsableRecord, until: AbortSignal): AccessToken {
    until.throwIfAborted();
    const { held } = this.#stored;
    const token = held?.token?.accessToken === record.accessToken ? held.token : Object.freeze(toAccessToken(record));
    this.#given = token.accessToken;
    return token;
  }

  /** Aborts when a call that begins now must end: by its own signal, a sign-out or close(). */
  #until(signal: AbortSignal | undefined): AbortSignal {
    const signals = [this.#closing.signal, this.#signedOut.signal];
    return AbortSignal.any(signal ? [signal, ...signals] : signals);
  }

  #assertOpen(): void {
    this.#closing.signal.throwIfAborted();
  }
}
