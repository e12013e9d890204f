import { Flight } from './flight.ts';
import { readAccount } from './id-token.ts';
import { OneDriveTokenError } from './one-drive-token-error.ts';
import { type OneDriveTokenHandlerOptions, readOptions, type Settings } from './options.ts';
import { RecordKeeper } from './record-keeper.ts';
import { obtainSilently, type RefreshContext, type SilentOutcome } from './refresh.ts';
import { splitScope } from './scopes.ts';
import type { SignInOptions } from './sign-in.ts';
import type { Account, TokenEvent } from './token-event.ts';
import type { TokenRecord } from './token-store.ts';
import { trace } from './trace.ts';

export interface GetTokenOptions {
  /** Whether a browser may be opened. Default: the handler's own `interactive`. */
  interactive?: boolean;
  /** Refreshes even where the token looks valid: for an API that answered 401. */
  forceRefresh?: boolean;
  /** Lets go of this call alone; it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What is known without asking the provider. Instants are epoch milliseconds. */
export interface SignInStatus {
  /** Whether a refresh token is stored for this app name, client id and authority. */
  signedIn: boolean;
  appName: string;
  /** Known where the scopes `openid` and `profile` were asked for. */
  account?: Account;
  /** What was granted. */
  scopes: string[];
  accessTokenExpiresAt?: number;
  refreshedAt?: number;
}

/** The shape of `TokenCredential` in `@azure/core-auth`. */
export interface TokenCredential {
  getToken(
    scopes: string | string[],
    options?: { abortSignal?: unknown },
  ): Promise<{ token: string; expiresOnTimestamp: number }>;
}

interface HeldToken {
  accessToken: string;
  expiresAt: number;
  obtainedAt: number;
  /** By the monotonic clock, which nobody sets back. */
  usableUntil: number;
}

/**
 * Gives a program a Microsoft Graph access token for a personal OneDrive: from memory, else from the store, else by a
 * refresh, else by signing in through the browser.
 */
export class OneDriveTokenHandler implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #context: RefreshContext;
  readonly #keeper: RecordKeeper;
  readonly #closing = new AbortController();
  #http: import('./http-client.ts').HttpClient | undefined;
  #held: HeldToken | undefined;
  #silent: Flight<SilentOutcome> | undefined;
  #forced: Flight<SilentOutcome> | undefined;
  #signIn: Flight<void> | undefined;
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
    return (await this.#obtain(options)).accessToken;
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
      getToken: async (_scopes, { abortSignal } = {}) => {
        const signal = abortSignal instanceof AbortSignal ? { signal: abortSignal } : {};
        const { accessToken, expiresAt } = await this.#obtain(signal);
        return { token: accessToken, expiresOnTimestamp: expiresAt };
      },
    };
  }

  /**
   * Signs in, whatever is stored: in the browser, with a device code, or by a pasted address. Calls at the same time that
   * ask for nothing but the browser share one window. Throws OneDriveTokenError, or the signal's reason.
   */
  async signIn(options: SignInOptions = {}): Promise<SignInStatus> {
    checkSignInOptions(options);
    this.#assertOpen();
    const { signal, ...how } = options;
    const isPlain = how.loginHint === undefined && how.prompt === undefined && (how.method ?? 'browser') === 'browser';
    const flight = isPlain ? this.#joinSignIn(undefined) : this.#fly((stop) => this.#runSignIn(how, undefined, stop));
    await this.#join(flight, signal);
    return this.status();
  }

  /** Forgets the stored tokens, whatever client id they are of. A refresh in flight does not bring them back. Throws STORE. */
  async signOut(): Promise<void> {
    this.#assertOpen();
    this.#held = undefined;
    await this.#keeper.forget();
    this.#held = undefined;
    this.#emit({ type: 'signed-out' });
  }

  /** What the store knows; never touches the network. Throws STORE. */
  async status(): Promise<SignInStatus> {
    this.#assertOpen();
    const record = await this.#keeper.read();
    const { appName } = this.#settings;
    if (!record) return { signedIn: false, appName, scopes: [] };
    const status: SignInStatus = { signedIn: true, appName, scopes: splitScope(record.scope) };
    const account = readAccount(record.idToken);
    if (account) status.account = account;
    if (record.accessToken !== undefined && record.expiresAt !== undefined)
      status.accessTokenExpiresAt = record.expiresAt;
    if (record.obtainedAt !== undefined) status.refreshedAt = record.obtainedAt;
    return status;
  }

  /**
   * undici's `fetch` through the handler's dispatcher and proxy, for calls to Microsoft Graph. It adds no token.
   * Throws NETWORK, CLOSED, or the signal's reason.
   */
  async fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    this.#assertOpen();
    return (await this.#openHttp()).fetch(new URL(url), init);
  }

  /**
   * Ends a sign-in under way; callers still waiting reject with CLOSED. Waits, at most `requestTimeout`, for a refresh
   * that has left, so that its result is stored. Every call returns the same promise.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

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
    await this.#http?.close();
    await this.#keeper.close();
  }

  async #obtain({
    interactive = this.#settings.interactive,
    forceRefresh = false,
    signal,
  }: GetTokenOptions): Promise<HeldToken> {
    const held = this.#held;
    if (held && !forceRefresh && this.#isUsable(held) && !signal?.aborted) {
      if (this.#keeper.hasUnsaved) void this.#keeper.saveAgain();
      return held;
    }
    this.#assertOpen();
    signal?.throwIfAborted();
    const { signOuts } = this.#keeper;
    const outcome = await this.#join(forceRefresh ? this.#joinForced() : this.#joinSilent(), signal);
    if (!outcome.signIn) return this.#hold(outcome.record, signOuts);
    if (!interactive || signOuts !== this.#keeper.signOuts) throw outcome.signIn;
    await this.#join(this.#joinSignIn({ refreshToken: outcome.seen }), signal);
    return this.#held ?? this.#throwSignedOut();
  }

  #isUsable({ expiresAt, obtainedAt, usableUntil }: HeldToken): boolean {
    const now = Date.now();
    return now < expiresAt - this.#settings.expirySkew && now >= obtainedAt && performance.now() < usableUntil;
  }

  /** Keeps a token in memory, unless somebody has signed out since the work for it began. */
  #hold(tokens: { accessToken?: string; expiresAt?: number; obtainedAt?: number }, signOuts: number): HeldToken {
    const now = Date.now();
    const { accessToken, expiresAt = now, obtainedAt = now } = tokens;
    if (accessToken === undefined || signOuts !== this.#keeper.signOuts) return this.#throwSignedOut();
    const usableUntil = performance.now() + (expiresAt - now) - this.#settings.expirySkew;
    this.#held = { accessToken, expiresAt, obtainedAt, usableUntil };
    return this.#held;
  }

  #throwSignedOut(): never {
    throw new OneDriveTokenError('SIGN_IN_REQUIRED', 'Somebody signed out meanwhile. Call signIn().');
  }

  #joinSilent(): Flight<SilentOutcome> {
    const under = this.#forced ?? this.#silent;
    if (under && !under.stopping) return under;
    const flight: Flight<SilentOutcome> = this.#fly(
      (signal) => obtainSilently(this.#context, undefined, signal),
      () => {
        if (this.#silent === flight) this.#silent = undefined;
      },
    );
    this.#silent = flight;
    return flight;
  }

  #joinForced(): Flight<SilentOutcome> {
    if (this.#forced && !this.#forced.stopping) return this.#forced;
    const rejected = { accessToken: this.#held?.accessToken };
    const flight: Flight<SilentOutcome> = this.#fly(
      (signal) => obtainSilently(this.#context, rejected, signal),
      () => {
        if (this.#forced === flight) this.#forced = undefined;
      },
    );
    this.#forced = flight;
    return flight;
  }

  /** `seen`: the refresh token that was of no use to getToken(). Another one in the store means that somebody else has signed in. */
  #joinSignIn(seen: { refreshToken: string | undefined } | undefined): Flight<void> {
    if (this.#signIn && !this.#signIn.stopping) return this.#signIn;
    const flight: Flight<void> = this.#fly(
      (signal) => this.#runSignIn({}, seen, signal),
      () => {
        if (this.#signIn === flight) this.#signIn = undefined;
      },
    );
    this.#signIn = flight;
    return flight;
  }

  async #runSignIn(
    options: SignInOptions,
    seen: { refreshToken: string | undefined } | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { signIn } = await import('./sign-in.ts');
    let { signOuts } = this.#keeper;
    // What other programs were granted under this app name is asked for again, or each would narrow the other's record.
    const granted = seen ? splitScope((await this.#keeper.read())?.scope) : [];
    const scopes = [...new Set([...this.#settings.scopes, ...granted])];
    const resultOfOthers = async (): Promise<TokenRecord | undefined> => {
      signOuts = this.#keeper.signOuts;
      const record = await this.#keeper.read();
      if (!seen || !record || record.refreshToken === seen.refreshToken) return undefined;
      const outcome = await obtainSilently(this.#context, undefined, signal);
      return outcome.signIn ? undefined : outcome.record;
    };
    this.#hold(await signIn(this.#context, { options, scopes, signal, resultOfOthers }), signOuts);
  }

  #fly<T>(task: (signal: AbortSignal) => Promise<T>, ended?: () => void): Flight<T> {
    const flight = new Flight(task);
    this.#flights.add(flight);
    void flight.ended().then(() => {
      this.#flights.delete(flight);
      ended?.();
    });
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
    trace(event);
    try {
      this.#settings.onEvent?.(event);
    } catch {
      // A listener must not cost a sign-in.
    }
  }
}

function checkSignInOptions({ method = 'browser', onDeviceCode, readRedirectUrl, prompt }: SignInOptions): void {
  if (!['browser', 'device', 'paste'].includes(method)) {
    throw new TypeError(`method must be 'browser', 'device' or 'paste', not ${JSON.stringify(method)}`);
  }
  if (prompt !== undefined && !['login', 'consent', 'select_account'].includes(prompt)) {
    throw new TypeError(`prompt must be 'login', 'consent' or 'select_account', not ${JSON.stringify(prompt)}`);
  }
  if (method === 'device' && typeof onDeviceCode !== 'function') {
    throw new TypeError("the method 'device' needs onDeviceCode, a function that shows the code");
  }
  if (method === 'paste' && typeof readRedirectUrl !== 'function') {
    throw new TypeError("the method 'paste' needs readRedirectUrl, a function that asks for the address");
  }
}
