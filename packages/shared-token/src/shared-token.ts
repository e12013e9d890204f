// `AsyncDisposable` is not in the default library of TypeScript.
/// <reference lib="esnext.disposable" preserve="true" />
import { AsyncLocalStorage } from 'node:async_hooks';
import { comparedToken, pause, refuseUnknown, type TokenRecord } from 'token-store-kit';
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
import { RecordKeeper } from './record-keeper.ts';
import { obtainSilently, type SilentOutcome } from './refresh.ts';
import { RefreshAhead } from './refresh-ahead.ts';
import { revokeSignIn } from './revoke.ts';
import { SharedTokenError, signInRequired } from './shared-token-error.ts';
import type { SharedTokenEvent } from './shared-token-event.ts';
import { type SignInRequest, signInInTurn } from './sign-in.ts';
import type { AccessToken, UsableRecord } from './token-response.ts';
import { endsByRejection, isStale, toAccessToken, usableRecord } from './usable-token.ts';

/** A refresh that fails while the old token is valid, after more than this time, is not tried again for as long as it took. */
const slowRefreshMs = 1_000;

/** Made once, because nearly every call has none. */
const noOptions: GetTokenOptions = {};

/** Of getToken(), besides what one refresh may take: for the store and the locks of other processes. */
const storeLimitMs = 14_000;

/** How long close() waits for a last write to a store that may never answer. */
const lastWriteLimitMs = 5_000;

type SignInCause = Pick<SignInRequest, 'reason' | 'seen'> & Pick<SignInFlight, 'rejected'>;

interface SilentFlight {
  readonly flight: Flight<SilentOutcome>;
  readonly request: { readonly forced: boolean; readonly minValid: number; readonly bridge: UsableRecord | undefined };
}

/** What brings a token: how it was when that began. */
interface Work {
  /** How many sign-outs there had been. */
  readonly signOuts: number;
  /** The access token in memory. */
  readonly before: string | undefined;
  readonly minValid?: number | undefined;
}

/** What is in memory. */
interface Held {
  readonly record: UsableRecord;
  readonly token: AccessToken;
  /** Between the wall clock and the monotonic one, which is never set back, when the token was put there. */
  readonly clockOffset: number;
}

interface SignInFlight {
  readonly flight: Flight<AccessToken>;
  readonly request: SignInRequest;
  /** The access token that an API had rejected before it began. */
  readonly rejected: string | undefined;
}

/**
 * One access token for all callers, processes and machines that share a store: from memory, else the store, else one
 * refresh of all processes, else one sign-in of all.
 *
 * What may live in this file: which of these steps a call takes. The steps themselves are in refresh.ts and sign-in.ts,
 * what is stored in record-keeper.ts.
 */
export class SharedToken implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #keeper: RecordKeeper;
  readonly #ahead: RefreshAhead;
  readonly #closing = new AbortController();
  #held: Held | undefined;
  /** The newest work of that kind. */
  #silent: SilentFlight | undefined;
  #signIn: SignInFlight | undefined;
  /** By the monotonic clock: until then the held token counts to its very end, because it could not be refreshed. */
  #bridgedUntil = 0;
  readonly #flights = new Set<Flight<unknown>>();
  #signOutsEnded = 0;
  #closed: Promise<void> | undefined;

  /** Nothing is read yet. Throws TypeError or RangeError, naming the option that cannot be used. */
  constructor(options: SharedTokenOptions) {
    this.#settings = readOptions(options);
    const callUserCode = AsyncLocalStorage.snapshot() as RecordKeeper['callUserCode'];
    const emit = (event: SharedTokenEvent, error?: unknown): void => {
      const { onEvent } = this.#settings;
      // A listener that fails must not cost the token.
      if (onEvent) callUserCode(async () => onEvent(event, error)).catch(() => {});
    };
    this.#keeper = new RecordKeeper(this.#settings, emit, callUserCode);
    this.#ahead = new RefreshAhead(this.#keeper);
  }

  /**
   * A valid access token. It is stored before it is returned. If that fails for up to 10 seconds, or at once because the disk
   * is full, an event says so, and a timer and close() try to store it again.
   *
   * Unless a person is asked, it takes at most `refreshTimeout` and 15 seconds, whatever the store does.
   *
   * Throws SharedTokenError, what `refresh` or `signIn` threw, or the signal's reason.
   */
  async getToken(options: GetTokenOptions = noOptions): Promise<AccessToken> {
    const token = this.peek(options) ?? (await this.#obtain(options));
    const held = this.#held;
    if (held && this.#ahead.isDue(held.record)) this.#ahead.schedule(() => this.#refreshAhead(held));
    return token;
  }

  /**
   * The token in memory if getToken() would return it, without a promise. Nearly every call of a running program ends here,
   * so nothing is awaited and next to nothing is allocated. What `accepts` throws passes through.
   */
  peek(options = noOptions): AccessToken | undefined {
    const { interactive: _, forceRefresh, minValid, signal, ...unknown } = options;
    refuseUnknown(unknown);
    const held = this.#held;
    if (!held || forceRefresh || signal?.aborted) return undefined;
    const { record, token, clockOffset } = held;
    const clock = performance.now();
    if (minValid !== undefined) readDuration('minValid', minValid);
    const validity = clock < this.#bridgedUntil ? { skew: 0 } : { skew: this.#settings.expirySkew, minValid };
    if (isStale(record, Date.now(), validity) || isStale(record, clock + clockOffset, validity)) return undefined;
    return this.#keeper.acceptance.accepts(record) ? token : undefined;
  }

  /**
   * Asks the person, whatever is stored. Calls at the same time that bring no `signIn` of their own share one sign-in.
   * Throws SharedTokenError, what `signIn` threw, or the signal's reason.
   */
  async signIn(options: SignInOptions = {}): Promise<AccessToken> {
    const { signal, signIn, ...unknown } = options;
    refuseUnknown(unknown);
    this.#assertOpen();
    signal?.throwIfAborted();
    const ask = signIn ?? this.#settings.signIn;
    if (!ask) {
      const remedy = 'Give one to this call or to the constructor';
      throw new SharedTokenError('SIGN_IN_REQUIRED', 'No signIn function is there to ask a person', { remedy });
    }
    const cause: SignInCause = { reason: 'requested', seen: undefined, rejected: undefined };
    const { flight, request } = signIn ? this.#startSignIn(ask, cause) : this.#joinSignIn(ask, cause);
    const result = this.#join(flight, signal);
    if (request.reason === 'requested') return result;
    await result.catch(() => {});
    // What getToken() had begun may end without a question, for example with the sign-in of another process.
    return request.hasAsked || request.signOuts !== this.#keeper.signOuts ? result : this.signIn(options);
  }

  /**
   * Deletes the stored record, whatever client it is of. What is under way does not bring it back: a refresh of any
   * process, a sign-in of this instance, and a sign-in of another process that has read the deleted record. They end in
   * SIGN_IN_REQUIRED. Then `revoke` is called, if there is one, for a record of this client and authority. Throws STORE.
   */
  async signOut(): Promise<void> {
    this.#assertOpen();
    for (const flight of this.#flights) flight.stop(signInRequired('signed-out', this.#settings));
    let record: TokenRecord | undefined;
    try {
      record = await this.#keeper.forget();
      this.#signOutsEnded++;
    } finally {
      this.#held = undefined;
      // Flights that have ended still know their tokens.
      this.#silent = undefined;
    }
    this.#keeper.emit({ type: 'signed-out' });
    if (record) await revokeSignIn(this.#keeper, record);
  }

  /** The newest record, if it is of this client and authority; never asks the provider. Throws STORE. */
  async read(): Promise<TokenRecord | undefined> {
    this.#assertOpen();
    const record = await this.#keeper.read();
    // A copy: a record that could not be stored is kept, and stored later.
    return record && { ...record };
  }

  /**
   * Callers that still wait reject with CLOSED, and a sign-in is asked to stop. Waits at most `refreshTimeout` for what is
   * under way, so that the result of a request is stored, then tries once more to store what could not be stored. Every
   * call returns the same promise.
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
    this.#held = undefined;
    for (const flight of this.#flights) flight.stop(reason);
    const ended = Promise.all([...this.#flights].map((flight) => flight.ended()));
    await within(this.#settings.refreshTimeout, ended);
    await within(lastWriteLimitMs, this.#keeper.close());
  }

  async #obtain(options: GetTokenOptions): Promise<AccessToken> {
    const { interactive, forceRefresh = false, minValid = 0, signal } = options;
    this.#assertOpen();
    signal?.throwIfAborted();
    readDuration('minValid', minValid);
    const { signOuts } = this.#keeper;
    const signOutsEnded = this.#signOutsEnded;
    const started = performance.now();
    if (forceRefresh) this.#keeper.acceptance.forget();
    const before = this.#heldToken;
    const rejected = forceRefresh ? before : undefined;
    const end = started + this.#settings.refreshTimeout + storeLimitMs;
    let outcome = await this.#outcomeOf(this.#joinSilent(forceRefresh, minValid), end, signal);
    // The refresh that this call joined had begun before: it brought the very token that the API rejects, or was enough only then.
    const { record: got } = outcome.type === 'token' ? outcome : {};
    if (got && (got.accessToken === rejected || !this.#keeper.acceptance.accepts(got)))
      outcome = await this.#outcomeOf(this.#joinSilent(forceRefresh, minValid), end, signal);
    if (forceRefresh && outcome.type === 'sign-in' && this.#held && endsByRejection(this.#held.record))
      this.#held = undefined;
    // Also if a sign-out that was under way when this call began has ended: the record may have been read before that.
    const wasSignedOut = signOuts !== this.#keeper.signOuts || signOutsEnded !== this.#signOutsEnded;
    if (wasSignedOut && outcome.type !== 'sign-in') throw signInRequired('signed-out', this.#settings);
    // What another call has brought meanwhile may be the very token that the API rejects.
    const work = { signOuts, before: forceRefresh ? this.#heldToken : before, minValid };
    if (outcome.type === 'token') return this.#hold(outcome.record, work);
    if (outcome.type === 'failed') {
      // Another call may have brought a token meanwhile.
      const bridge = outcome.bridge ?? (this.peek(options) && this.#held?.record);
      if (forceRefresh || !bridge) throw outcome.error;
      const took = performance.now() - started;
      const { retryAfter } = Object(outcome.error) as { retryAfter?: unknown };
      const pauseMs = typeof retryAfter === 'number' ? retryAfter : 0;
      return this.#hold(bridge, work, Math.max(took > slowRefreshMs ? took : 0, pauseMs));
    }
    const { signIn } = this.#settings;
    if (!signIn || !(interactive ?? this.#settings.interactive) || signOuts !== this.#keeper.signOuts)
      throw outcome.error;
    const { reason, record } = outcome;
    const joined = this.#joinSignIn(signIn, { reason, seen: comparedToken(record), rejected });
    const token = await this.#join(joined.flight, signal);
    // What this call joined had begun before, and brought the very token that the API rejects. If it began later, the
    // provider gives that token to whoever signs in, and to ask the person again would never end.
    return token.accessToken === rejected && joined.rejected !== rejected ? this.#obtain(options) : token;
  }

  /**
   * What callers get: a good token that has come into memory since the work began, because it is newer than what the work has read. Else
   * that of the record, which is kept. Throws if a sign-out or close() came since then.
   */
  #hold(record: UsableRecord, { signOuts, before, minValid }: Work, bridgeMs = 0): AccessToken {
    this.#assertOpen();
    if (signOuts !== this.#keeper.signOuts) throw signInRequired('signed-out', this.#settings);
    const newer = this.#heldToken === before ? undefined : this.peek({ minValid });
    return newer ?? this.#put(record, bridgeMs);
  }

  get #heldToken(): string | undefined {
    return this.#held?.token.accessToken;
  }

  /** Puts a token into memory. `bridgeMs`: so long, it counts to its very end. */
  #put(record: UsableRecord, bridgeMs = 0): AccessToken {
    const token = Object.freeze(toAccessToken(record));
    const now = performance.now();
    this.#held = { record: Object.freeze({ ...record }), token, clockOffset: Date.now() - now };
    this.#bridgedUntil = now + bridgeMs;
    return token;
  }

  /** A caller that forces may not join an unforced refresh, nor a caller for which the token has to be valid for longer. */
  #joinSilent(forced: boolean, minValid: number): SilentFlight {
    const known = this.#silent;
    if (known?.flight.isJoinable && (known.request.forced || !forced) && known.request.minValid >= minValid)
      return known;
    const held = this.#held?.record;
    const request = { held, bridge: held, forced, minValid };
    const flight = this.#fly((signal) => obtainSilently(this.#keeper, Object.assign(request, { signal })));
    this.#silent = { flight, request };
    return this.#silent;
  }

  /** What the flight ends with, at the latest at `end`. While the store is silent, a token that is still valid comes first. */
  async #outcomeOf({ flight, request }: SilentFlight, end: number, signal: AbortSignal | undefined) {
    const { signOuts } = this.#keeper;
    const error = new SharedTokenError('STORE', 'The store did not answer in time', { retryable: true });
    const limit = new AbortController();
    const joined = this.#join(flight, signal ? AbortSignal.any([signal, limit.signal]) : limit.signal);
    const { promise: bridged, resolve } = Promise.withResolvers<SilentOutcome>();
    const giveBridge = (): void => {
      const bridge = request.forced
        ? undefined
        : usableRecord(request.bridge, this.#keeper.acceptance.accepts, { skew: 0 });
      if (bridge) resolve({ type: 'failed', error, bridge });
    };
    const stop = this.#keeper.whenSilent(giveBridge);
    const timer = setTimeout(() => {
      giveBridge();
      limit.abort(signOuts === this.#keeper.signOuts ? error : signInRequired('signed-out', this.#settings));
    }, end - performance.now());
    // The flight goes on after that.
    joined.catch(() => {}).finally(() => clearTimeout(timer));
    try {
      return await Promise.race([joined, bridged]);
    } finally {
      stop();
    }
  }

  #joinSignIn(signIn: SignIn, cause: SignInCause): SignInFlight {
    if (!this.#signIn?.flight.isJoinable) this.#signIn = this.#startSignIn(signIn, cause);
    return this.#signIn;
  }

  #startSignIn(signIn: SignIn, { rejected, ...cause }: SignInCause): SignInFlight {
    const work = { signOuts: this.#keeper.signOuts, before: this.#heldToken };
    const onStored = (record: UsableRecord): void => {
      if (this.#closing.signal.aborted) return;
      this.#put(record);
      // A call that comes while `signIn` goes on has the token. If it rejects that, it begins anew.
      if (this.#signIn?.request === request) this.#signIn = undefined;
    };
    const request: SignInRequest = { signIn, ...cause, signOuts: work.signOuts, hasAsked: false, onStored };
    // When `signIn` ends, the token that it has stored may have been refreshed.
    const flight = this.#fly(async (signal) => this.#hold(await signInInTurn(this.#keeper, request, signal), work));
    return { flight, request, rejected };
  }

  /** What callers have in memory is replaced; they do not wait for it. */
  #refreshAhead(held: Held): void {
    if (this.#closing.signal.aborted) return;
    const { signOuts } = this.#keeper;
    const flight = this.#fly((signal) => this.#ahead.run(held.record, signal));
    this.#join(flight, undefined)
      .then((record) => record && this.#hold(record, { signOuts, before: held.token.accessToken }))
      .catch(() => {});
  }

  #fly<T>(task: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const flight = new Flight(task);
    this.#flights.add(flight);
    void flight.ended().then(() => this.#flights.delete(flight));
    return flight;
  }

  #join<T>(flight: Flight<T>, signal: AbortSignal | undefined): Promise<T> {
    const closing = this.#closing.signal;
    return flight.join(signal ? AbortSignal.any([signal, closing]) : closing);
  }

  #assertOpen(): void {
    this.#closing.signal.throwIfAborted();
  }
}

/** Resolves when the promise does, or after that many milliseconds. */
function within(milliseconds: number, promise: Promise<unknown>): Promise<unknown> {
  return pause(milliseconds, [], (wake) => {
    void promise.then(wake);
    return () => {};
  });
}
