// `AsyncDisposable` is not in the default library of TypeScript.
/// <reference lib="esnext.disposable" preserve="true" />
import { AsyncLocalStorage } from 'node:async_hooks';
import { comparedToken, refuseUnknown, settled, type TokenRecord } from 'token-store-kit';
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
import type { Need } from './refresh.ts';
import { RefreshAhead } from './refresh-ahead.ts';
import { revokeSignIn } from './revoke.ts';
import { retryAfterOf, SharedTokenError, signInRequired } from './shared-token-error.ts';
import type { SharedTokenEvent } from './shared-token-event.ts';
import { type SignInRequest, signInInTurn } from './sign-in.ts';
import { type HeldOutcome, SilentFlight } from './silent-flight.ts';
import type { Obtained, SilentOutcome } from './silent-outcome.ts';
import { type Held, TokenInMemory } from './token-in-memory.ts';
import type { AccessToken, UsableRecord } from './token-response.ts';
import { isOlder, usableRecord } from './usable-token.ts';

/** If a refresh takes longer than this and fails while the old token is valid, it is not tried again for as long as it took. */
const slowRefreshMs = 1_000;

/** The time limit of getToken() is `refreshTimeout` and this time, which is for the store and the locks of other processes. */
const storeLimitMs = 14_000;

/** How long close() waits for a last write to a store that may never answer. */
const lastWriteLimitMs = 5_000;

type SignInCause = Pick<SignInRequest, 'reason' | 'seen'> & Pick<SignInFlight, 'rejected'>;

/** Work that brings a token: what its call needs, and the state when it began. */
interface Work extends Need {
  /** The counts of sign-outs and of stored sign-ins when the work began. */
  readonly signOuts: number;
  readonly signIns: number;
}

interface SignInFlight {
  readonly flight: Flight<Held>;
  readonly request: SignInRequest;
  /** The access token that an API had rejected before the sign-in began. */
  readonly rejected: string | undefined;
}

/**
 * One access token for all callers, processes and machines that share a store: from memory, else the store, else one
 * refresh of all processes, else one sign-in of all.
 *
 * This file decides only which of these steps a call takes. The steps themselves are in refresh.ts and sign-in.ts, the
 * writes in record-keeper.ts.
 */
export class SharedToken implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #keeper: RecordKeeper;
  readonly #ahead: RefreshAhead;
  readonly #closing = new AbortController();
  readonly #memory: TokenInMemory;
  /** The newest work of this kind, which calls may join. */
  #silent: SilentFlight | undefined;
  #signIn: SignInFlight | undefined;
  /** How many sign-ins of this instance were stored. */
  #signIns = 0;
  readonly #flights = new Set<Flight<unknown>>();
  #closed: Promise<void> | undefined;

  /** Reads nothing yet. Throws TypeError or RangeError, naming the option that cannot be used. */
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
    this.#memory = new TokenInMemory(this.#settings.expirySkew, this.#keeper.acceptance.accepts);
  }

  /**
   * A valid access token. It is stored before it is returned. If that fails for up to 10 seconds, an event reports it, the token is
   * returned, and a timer and close() retry the write.
   *
   * Unless it waits for a person's sign-in, in any process, the call takes at most `refreshTimeout` and 15 seconds, whatever the store does.
   *
   * Throws SharedTokenError, what `refresh` or `signIn` threw, or the signal's reason.
   */
  async getToken(options: GetTokenOptions = {}): Promise<AccessToken> {
    const token = this.peek(options) ?? (await this.#obtain(options));
    const { record } = this.#memory;
    if (record && this.#ahead.isDue(record) && !this.#memory.isBridged)
      this.#ahead.schedule(() => this.#refreshAhead(record));
    return token;
  }

  /** The token in memory if getToken() would return it, without a promise. An error of `accepts` passes through. */
  peek(options: GetTokenOptions = {}): AccessToken | undefined {
    const { interactive: _, forceRefresh, minValid, signal, ...unknown } = options;
    refuseUnknown(unknown);
    if (minValid !== undefined) readDuration('minValid', minValid);
    return forceRefresh || signal?.aborted ? undefined : this.#memory.good(minValid)?.token;
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
    const cause: SignInCause = { reason: 'requested', seen: undefined, rejected: undefined };
    const { flight, request } = signIn ? this.#startSignIn(ask, cause) : this.#joinSignIn(ask, cause);
    const result = flight.join(this.#untilClosed(signal)).then(({ token }) => token);
    if (request.reason === 'requested') return result;
    await result.catch(() => {});
    // A sign-in that getToken() has begun may end without asking, for example with the sign-in of another process.
    return request.hasAsked || request.signOuts !== this.#keeper.signOuts ? result : this.signIn(options);
  }

  /**
   * Deletes the stored record, of any client. Work under way does not bring it back, and ends in SIGN_IN_REQUIRED: a refresh of any
   * process, a sign-in of this instance, and a sign-in of another process that has read the deleted record. Then calls `revoke`, if there
   * is one, for a record of this client and authority. Throws STORE, also if the store has not answered a write for 12 seconds: that write
   * could still undo the sign-out. Waits for the deletion without a limit: after one that was given up, a new sign-in could be deleted.
   */
  async signOut(): Promise<void> {
    this.#assertOpen();
    for (const flight of this.#flights) flight.stop(signInRequired('signed-out', this.#settings));
    this.#memory.clear();
    // Flights that have ended still know their tokens.
    this.#silent = undefined;
    const record = await this.#keeper.forget();
    this.#keeper.emit({ type: 'signed-out' });
    if (record) await revokeSignIn(this.#keeper, record);
  }

  /** The newest record, if it is of this client and authority; never asks the provider. Throws STORE. */
  async read(): Promise<TokenRecord | undefined> {
    this.#assertOpen();
    const record = await this.#keeper.read();
    // A copy, because the record may be a pending write, which callers must not change.
    return record && { ...record };
  }

  /**
   * Calls that still wait reject with CLOSED, and a sign-in is asked to stop. Waits at most `refreshTimeout` for work under
   * way, so that the result of a request is stored. Then retries the pending writes once more. Every call returns the same
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
    this.#memory.clear();
    for (const flight of this.#flights) flight.stop(reason);
    const ended = Promise.all([...this.#flights].map((flight) => flight.ended()));
    await settled(ended, this.#settings.refreshTimeout);
    await settled(this.#keeper.close(), lastWriteLimitMs);
  }

  /** `hasFound`: see {@link Need}. */
  async #obtain(options: GetTokenOptions, hasFound = false): Promise<AccessToken> {
    const { interactive, forceRefresh = false, minValid = 0, signal } = options;
    this.#assertOpen();
    signal?.throwIfAborted();
    const started = performance.now();
    // A call that begins anew has not rejected what was stored since it first began.
    if (forceRefresh && !hasFound) this.#keeper.acceptance.forgetStored();
    const work: Work = { ...this.#begin(forceRefresh, minValid), hasFound };
    const { signOuts, signIns } = work;
    const rejected = forceRefresh ? work.held?.accessToken : undefined;
    const end = started + this.#settings.refreshTimeout + storeLimitMs;
    // Another call may have brought a token meanwhile.
    const bridgeOf = (known?: UsableRecord) => this.#stillValid(known) ?? this.#stillValid(this.#memory.record);
    const tryOnce = (need: Work) => this.#joinSilent(need).outcome(end, work, this.#untilClosed(signal), bridgeOf);
    const running = this.#silent;
    const first = tryOnce(work);
    const hadBegun = this.#silent === running;
    let outcome = await first;
    // A forced call would only get the same refusal again.
    const isRefusal = outcome.type === 'sign-in' && forceRefresh && outcome.reason === 'refused';
    // The joined work began before this call, and may have missed a sign-in.
    const isOfBefore = outcome.type === 'sign-in' && hadBegun && !isRefusal && signOuts === this.#keeper.signOuts;
    // With the same `work`: memory may have lost the rejected token, and without that, a newer stored one would count as rejected.
    if (isOfBefore) outcome = await tryOnce(work);
    // Or the joined work brought the very token that the API rejects. Or its token is not accepted any more, or has ended meanwhile.
    if (outcome.type === 'token' && this.#isUseless(outcome.record, hadBegun ? rejected : undefined)) {
      // A late write may have stored the token again, without the mark that an API has rejected it.
      const hasEnded = this.#memory.hasEnded(outcome.record);
      outcome = await tryOnce({ ...this.#begin(forceRefresh || hasEnded, minValid, forceRefresh), hasFound: true });
    }
    if (outcome.type !== 'sign-in') this.#assertSignedIn(work);
    if (outcome.type === 'token') return outcome.token;
    if (outcome.type === 'failed') {
      const bridge = bridgeOf(outcome.bridge);
      if (forceRefresh || !bridge) throw outcome.error;
      const took = performance.now() - started;
      this.#assertOpen();
      // This token was known before, so it replaces no other.
      const { token } = this.#memory.hold(bridge, { minValid });
      this.#memory.bridge(bridge, Math.max(took > slowRefreshMs ? took : 0, retryAfterOf(outcome.error)));
      return token;
    }
    const { signIn } = this.#settings;
    if (!signIn || !(interactive ?? this.#settings.interactive) || signOuts !== this.#keeper.signOuts)
      throw outcome.error;
    const { reason, record } = outcome;
    // With no token in memory, a forced call rejects the stored one.
    const useless = rejected ?? (forceRefresh ? record?.accessToken : undefined);
    // Another call has signed in since this call began. So this call need not wait for the sign-in of another process.
    const newer = signIns === this.#signIns ? undefined : this.#memory.good(minValid);
    if (newer && newer.token.accessToken !== useless) return newer.token;
    const joined = this.#joinSignIn(signIn, { reason, seen: comparedToken(record), rejected: useless });
    const { record: got, token } = await joined.flight.join(this.#untilClosed(signal));
    // A joined sign-in that began before this call may bring the very token that the API rejects: then the call begins anew. If a later
    // sign-in brings that token, the provider gives it at each sign-in, and asking again would never end.
    return this.#isUseless(got, joined.rejected === useless ? undefined : useless)
      ? this.#obtain(options, true)
      : token;
  }

  #begin(forced = false, minValid = 0, resends = forced): Work {
    const { signOuts } = this.#keeper;
    return { signOuts, signIns: this.#signIns, held: this.#memory.record, forced, resends, minValid };
  }

  /** Puts the token into memory. Returns what callers get. Throws if a sign-out or close() came since the work began. */
  #hold({ record, replaced }: Obtained, work: Work): Held {
    this.#assertOpen();
    this.#assertSignedIn(work);
    const { minValid } = work;
    // What this instance has signed in meanwhile, no call had rejected.
    const forced = work.forced && work.signIns === this.#signIns;
    return this.#memory.hold(record, { replaced, forced, minValid });
  }

  #stillValid(record: UsableRecord | undefined): UsableRecord | undefined {
    const usable = usableRecord(record, this.#keeper.acceptance.accepts);
    return usable && !this.#memory.hasEnded(usable) ? usable : undefined;
  }

  #isUseless(record: UsableRecord, rejected: string | undefined): boolean {
    const isRejected = record.accessToken === rejected || this.#memory.hasEnded(record);
    return isRejected || !this.#keeper.acceptance.accepts(record);
  }

  #joinSilent(work: Work): SilentFlight {
    if (!this.#silent?.isFor(work)) {
      const land = (outcome: SilentOutcome, hasCallers: boolean): HeldOutcome => {
        // Otherwise, a token of before would come into memory, with the mark that an API has rejected it.
        this.#assertSignedIn(work);
        const ofNow = { ...work, forced: work.forced && hasCallers };
        if (outcome.type === 'token') return { type: 'token', ...this.#hold(outcome, ofNow) };
        if (outcome.type === 'sign-in' && work.forced) {
          const { held = outcome.record } = work;
          const isItself = outcome.reason === 'refused' && outcome.record?.accessToken === held?.accessToken;
          // If not, the stored record cannot refresh the rejected token, which then counts as one without a refresh token.
          this.#memory.reject(isItself ? outcome.record : { ...work.held, refreshToken: undefined });
        }
        return outcome;
      };
      this.#silent = this.#fly(new SilentFlight(this.#keeper, work, land));
    }
    return this.#silent;
  }

  #joinSignIn(signIn: SignIn, cause: SignInCause): SignInFlight {
    if (!this.#signIn?.flight.isJoinable) this.#signIn = this.#startSignIn(signIn, cause);
    return this.#signIn;
  }

  #startSignIn(signIn: SignIn, { rejected, ...cause }: SignInCause): SignInFlight {
    // Its caller has found no good token. One that has come into memory since may be of an older read.
    const work = this.#begin(true);
    const { signOuts } = work;
    let stored: Held | undefined;
    const onStored = (record: UsableRecord): void => {
      // A call that comes while `signIn` goes on has the token. If it rejects that, it begins anew.
      if (this.#signIn?.request === request) this.#signIn = undefined;
      const { record: held } = this.#memory;
      // Its lock was released late, and another sign-in, which is later, has come into memory since this one began.
      const isLate = held && work.signIns !== this.#signIns && isOlder(record, held);
      if (this.#closing.signal.aborted || isLate) return;
      // Only a refresh of this sign-in is newer, whatever the clock says.
      const [newer, older] = held && held.signedInAt === record.signedInAt ? [held, record] : [record, held];
      stored = this.#memory.hold(newer, { replaced: [older?.accessToken] });
      this.#signIns++;
    };
    const request: SignInRequest = { signIn, ...cause, signOuts, hasAsked: false, onStored };
    const task = async (signal: AbortSignal): Promise<Held> => {
      const { record, replaced } = await signInInTurn(this.#keeper, request, signal);
      // When `signIn` ends, its stored token may have been refreshed or rejected, so it must not come into memory again.
      if (stored && signOuts === this.#keeper.signOuts) return this.#memory.good() ?? stored;
      const older = [work.held?.accessToken, rejected, ...replaced];
      return this.#hold({ type: 'token', record, replaced: older }, work);
    };
    const flight = this.#fly(new Flight(task));
    return { flight, request, rejected };
  }

  /** Replaces the token in memory. Callers do not wait for it. */
  #refreshAhead(held: UsableRecord): void {
    if (this.#closing.signal.aborted) return;
    const work = this.#begin();
    this.#fly(new Flight((signal) => this.#ahead.run(held, signal)))
      .join(this.#closing.signal)
      .then((outcome) => {
        if (outcome.type === 'token') this.#hold(outcome, work);
        else this.#memory.bridge(held, retryAfterOf(outcome.error));
      })
      .catch(() => {});
  }

  #fly<F extends Flight<unknown>>(flight: F): F {
    this.#flights.add(flight);
    void flight.ended().then(() => this.#flights.delete(flight));
    return flight;
  }

  #untilClosed(signal: AbortSignal | undefined): AbortSignal {
    const closing = this.#closing.signal;
    return signal ? AbortSignal.any([signal, closing]) : closing;
  }

  #assertOpen(): void {
    this.#closing.signal.throwIfAborted();
  }

  #assertSignedIn({ signOuts }: Work): void {
    if (signOuts !== this.#keeper.signOuts) throw signInRequired('signed-out', this.#settings);
  }
}
