import { AsyncLocalStorage } from 'node:async_hooks';
import { Flight } from './flight.ts';
import type { FlowContext } from './flow-context.ts';
import { OneDriveTokenError } from './one-drive-token-error.ts';
import { type OneDriveTokenHandlerOptions, readOptions, type Settings } from './options.ts';
import { RecordKeeper, signedOut } from './record-keeper.ts';
import { obtainSilently, type SilentOutcome } from './refresh.ts';
import { scopesToAsk, splitScope } from './scopes.ts';
import type { SignInOptions } from './sign-in.ts';
import { describeRecord, type SignInStatus } from './sign-in-status.ts';
import { type TokenCredential, toAbortSignal } from './token-credential.ts';
import type { TokenEvent } from './token-event.ts';
import type { AccessToken } from './token-response.ts';
import { trace } from './trace.ts';

/** What one call of getToken() wants. */
export interface GetTokenOptions {
  /** Whether a browser may be opened. Default: the handler's own `interactive`. */
  interactive?: boolean | undefined;
  /** Refreshes even where the token looks valid: for an API that answered 401. Default false. */
  forceRefresh?: boolean | undefined;
  /** Lets go of this call alone; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A failed early refresh that took longer than this is not tried again for as long as it took. Milliseconds. */
const slowFailure = 1_000;

interface HeldToken extends AccessToken {
  /** By the monotonic clock, which nobody sets back. */
  usableUntil: number;
}

/**
 * Gives a program a Microsoft Graph access token for a personal OneDrive: from memory, else from the store, else by a
 * refresh, else by signing in through the browser.
 */
export class OneDriveTokenHandler implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #context: FlowContext;
  readonly #keeper: RecordKeeper;
  readonly #closing = new AbortController();
  /** A function of the user's may call the handler, which must not look like a call from within a lock of ours. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #http: import('./http-client.ts').HttpClient | undefined;
  #held: HeldToken | undefined;
  #silent: Flight<SilentOutcome> | undefined;
  #forced: Flight<SilentOutcome> | undefined;
  #signIn: Flight<void> | undefined;
  /** By the monotonic clock: until then a token that could not be refreshed in time is good enough. */
  #bridgedUntil = 0;
  readonly #flights = new Set<Flight<unknown>>();
  #closed: Promise<void> | undefined;

  /** Nothing is opened or read yet. Throws TypeError or RangeError, naming the option, where one can't be used. */
  constructor(options: OneDriveTokenHandlerOptions) {
    this.#settings = readOptions(options);
    const emit = (event: TokenEvent): void => this.#emit(event);
    this.#keeper = new RecordKeeper(this.#settings, emit);
    this.#context = {
      settings: this.#settings,
      keeper: this.#keeper,
      emit,
      outside: this.#outside,
      provider: async () => {
        const [http, { Provider }] = await Promise.all([this.#openHttp(), import('./provider.ts')]);
        return new Provider(http, this.#settings, emit);
      },
    };
  }

  /**
   * A valid access token: from memory, else the store, else a refresh, else the browser. It is stored before it is
   * returned; where that fails, an event says so and the next call tries again.
   *
   * Throws OneDriveTokenError, or the signal's reason.
   */
  async getToken(options: GetTokenOptions = {}): Promise<string> {
    return (this.#recall(options) ?? (await this.#obtain(options))).accessToken;
  }

  /** As {@link getToken}, with the times of the token, in epoch milliseconds. */
  async getTokenDetails(options: GetTokenOptions = {}): Promise<AccessToken> {
    const { accessToken, expiresAt, obtainedAt } = this.#recall(options) ?? (await this.#obtain(options));
    return { accessToken, expiresAt, obtainedAt };
  }

  /** The same token; makes the handler an `AuthenticationProvider` of the Microsoft Graph SDK. */
  async getAccessToken(): Promise<string> {
    return this.getToken();
  }

  /**
   * The handler as a credential of the Azure SDKs. The scopes that its caller asks for are ignored: the handler's own count.
   */
  asTokenCredential(): TokenCredential {
    return {
      getToken: async (_scopes, { abortSignal, claims } = {}) => {
        // Claims come with a 401: what is held has been refused.
        const options = { signal: abortSignal && toAbortSignal(abortSignal), forceRefresh: claims !== undefined };
        const { accessToken, expiresAt } = this.#recall(options) ?? (await this.#obtain(options));
        return { token: accessToken, expiresOnTimestamp: expiresAt };
      },
    };
  }

  /**
   * Signs in, whatever is stored: in the browser, with a device code, or by a pasted address. Calls at the same time that
   * ask for nothing but the browser share one window. Throws OneDriveTokenError, or the signal's reason.
   */
  async signIn(options: SignInOptions = {}): Promise<SignInStatus> {
    const { checkSignInOptions } = await import('./sign-in.ts');
    checkSignInOptions(options);
    this.#assertOpen();
    const { signal, ...how } = options;
    signal?.throwIfAborted();
    const { method = 'browser', loginHint, prompt } = how;
    const isPlain = method === 'browser' && loginHint === undefined && prompt === undefined;
    await this.#join(
      isPlain ? this.#joinSignIn(undefined) : this.#fly((stop) => this.#runSignIn(how, undefined, stop)),
      signal,
    );
    return this.status();
  }

  /**
   * Forgets the stored tokens, whatever client id they are of. A refresh or a sign-in in flight does not bring them back: it
   * ends in SIGN_IN_REQUIRED. Throws STORE.
   */
  async signOut(): Promise<void> {
    this.#assertOpen();
    for (const flight of this.#flights) flight.stop(signedOut());
    try {
      await this.#keeper.forget();
    } finally {
      this.#held = undefined;
      // Flights that have ended still know their tokens.
      this.#silent = undefined;
      this.#forced = undefined;
    }
    this.#emit({ type: 'signed-out' });
  }

  /** What the store knows; never touches the network. Throws STORE. */
  async status(): Promise<SignInStatus> {
    this.#assertOpen();
    const record = await this.#keeper.read();
    return describeRecord(this.#settings.appName, record);
  }

  /**
   * undici's `fetch` through the handler's dispatcher and proxy, for calls to Microsoft Graph. It adds no token.
   * Throws NETWORK, CLOSED, or the signal's reason.
   */
  async fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    this.#assertOpen();
    const http = await this.#openHttp();
    this.#assertOpen();
    try {
      return await http.fetch(new URL(url), init);
    } catch (error) {
      this.#assertOpen();
      throw error;
    }
  }

  /**
   * Ends a sign-in under way; callers still waiting reject with CLOSED. Waits, at most `requestTimeout`, for a refresh
   * that has left, so that its result is stored. Every call returns the same promise.
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
    const reason = new OneDriveTokenError('CLOSED', 'The handler was closed. Make a new one.');
    this.#closing.abort(reason);
    this.#held = undefined;
    for (const flight of this.#flights) flight.stop(reason);
    const ended = Promise.all([...this.#flights].map((flight) => flight.ended()));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#settings.requestTimeout);
    });
    await Promise.race([ended, late]);
    clearTimeout(timer);
    try {
      await this.#http?.close();
    } finally {
      await this.#keeper.close();
    }
  }

  /** The token in memory, where it will do. Nearly every call ends here, so nothing is awaited and next to nothing allocated. */
  #recall({ forceRefresh, signal }: GetTokenOptions): HeldToken | undefined {
    const held = this.#held;
    if (!held || forceRefresh || signal?.aborted) return undefined;
    const now = Date.now();
    const clock = performance.now();
    const skew = clock < this.#bridgedUntil ? 0 : this.#settings.expirySkew;
    if (now >= held.expiresAt - skew || now < held.obtainedAt || clock >= held.usableUntil - skew) return undefined;
    if (this.#keeper.hasUnsaved) void this.#keeper.saveAgain();
    return held;
  }

  async #obtain({ interactive, forceRefresh = false, signal }: GetTokenOptions): Promise<AccessToken> {
    this.#assertOpen();
    signal?.throwIfAborted();
    const { signOuts } = this.#keeper;
    const started = performance.now();
    const outcome = await this.#join(this.#joinSilent(forceRefresh), signal);
    if (outcome.type === 'token') return this.#hold(outcome.token, signOuts);
    if (outcome.type === 'failed') {
      if (forceRefresh || !outcome.bridge) throw outcome.error;
      const now = performance.now();
      const took = now - started;
      this.#bridgedUntil = now + Math.max(took > slowFailure ? took : 0, outcome.error.retryAfter ?? 0);
      return this.#hold(outcome.bridge, signOuts);
    }
    if (!(interactive ?? this.#settings.interactive) || signOuts !== this.#keeper.signOuts) throw outcome.reason;
    await this.#join(this.#joinSignIn({ refreshToken: outcome.seen }), signal);
    if (!this.#held) throw signedOut();
    return this.#held;
  }

  /** Keeps a token in memory. Throws where somebody has signed out, or closed the handler, since the work for it began. */
  #hold({ accessToken, expiresAt, obtainedAt }: AccessToken, signOuts: number): HeldToken {
    this.#assertOpen();
    if (signOuts !== this.#keeper.signOuts) throw signedOut();
    const usableUntil = performance.now() + (expiresAt - Date.now());
    this.#held = { accessToken, expiresAt, obtainedAt, usableUntil };
    return this.#held;
  }

  /** A forced refresh is good for everybody, an unforced one for nobody who knows that the token is useless. */
  #joinSilent(forced: boolean): Flight<SilentOutcome> {
    if (this.#forced?.isJoinable) return this.#forced;
    if (!forced && this.#silent?.isJoinable) return this.#silent;
    const held = this.#held;
    const flight = this.#fly((signal) => obtainSilently(this.#context, { held, forced, signal }));
    if (forced) this.#forced = flight;
    else this.#silent = flight;
    return flight;
  }

  /** `seen`: the refresh token that was of no use to getToken(). Another one in the store means that somebody has signed in. */
  #joinSignIn(seen: { refreshToken: string | undefined } | undefined): Flight<void> {
    if (!this.#signIn?.isJoinable) this.#signIn = this.#fly((signal) => this.#runSignIn({}, seen, signal));
    return this.#signIn;
  }

  async #runSignIn(
    options: SignInOptions,
    seen: { refreshToken: string | undefined } | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { signOuts } = this.#keeper;
    const { signIn } = await import('./sign-in.ts');
    // signIn() asks for what it was told to; getToken() also for what other programs were granted under this app name.
    const granted = seen ? splitScope((await this.#keeper.read())?.scope) : [];
    const scopes = scopesToAsk(this.#settings, granted);
    const resultOfOthers = async (): Promise<AccessToken | undefined> => {
      const record = await this.#keeper.read();
      if (!seen || !record || record.refreshToken === seen.refreshToken) return undefined;
      const outcome = await obtainSilently(this.#context, { held: undefined, forced: false, signal });
      if (outcome.type === 'failed') throw outcome.error;
      return outcome.type === 'token' ? outcome.token : undefined;
    };
    this.#hold(await signIn(this.#context, { options, scopes, signal, resultOfOthers, signOuts }), signOuts);
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

  async #openHttp(): Promise<import('./http-client.ts').HttpClient> {
    const { HttpClient } = await import('./http-client.ts');
    this.#http ??= new HttpClient(this.#settings.dispatcher);
    return this.#http;
  }

  #emit(event: TokenEvent): void {
    const listen = async (): Promise<unknown> => {
      trace(event);
      return this.#outside(() => this.#settings.onEvent?.(event));
    };
    // A listener must not cost a sign-in.
    listen().catch(() => {});
  }
}
