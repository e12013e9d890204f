import {
  type AccessToken,
  type GetTokenOptions,
  SharedToken,
  type SharedTokenEvent,
  type SignInContext,
  type TokenResponse,
} from 'shared-token';
import { settled } from 'token-store-kit';
import { ensureWritable } from 'token-store-kit/administration';
import { readAccount } from './id-token.ts';
import { closedError, describeRefusal, OneDriveTokenError, toHandlerError } from './one-drive-token-error.ts';
import { type OneDriveTokenHandlerOptions, readOptions, type Settings } from './options.ts';
import { HttpClient } from './provider/http-client.ts';
import { endpointUrl, Provider } from './provider/provider.ts';
import { coversScopes, grantJudge, splitScope } from './scopes.ts';
import { checkSignInOptions, type SignInOptions } from './sign-in/sign-in-options.ts';
import { type SignInStatus, statusOfRecord } from './sign-in-status.ts';
import { openStore, runOnStore } from './store/open-store.ts';
import type { TokenEvent } from './token-event.ts';

/** The shape of `TokenCredential` in `@azure/core-auth`. */
export interface TokenCredential {
  /** A valid access token, and when it ends in epoch milliseconds. Rejects as the handler's `getToken()` does. */
  getToken(
    scopes: string | string[],
    options?: { abortSignal?: AbortSignal; claims?: string },
  ): Promise<{ token: string; expiresOnTimestamp: number }>;
}

/**
 * Gives a program a Microsoft Graph access token for a personal OneDrive: from memory, else from the store, else by a
 * refresh, else by signing in through the browser.
 *
 * What may live in this file: the connection of Microsoft's part (requests, sign-in methods, scopes, errors) to a SharedToken,
 * which decides what is done when.
 */
export class OneDriveTokenHandler implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #opened: ReturnType<typeof openStore>;
  readonly #shared: SharedToken;
  readonly #http: HttpClient;
  readonly #provider: Provider;
  /** The token response of the newest sign-in, for the event `signed-in`. */
  #granted: TokenResponse | undefined;
  /** The signal of the newest refresh. Aborts when the timeout of that refresh is over. */
  #limit: AbortSignal | undefined;
  /** The newest sign-out. */
  #signedOut = Promise.resolve();
  #closed: Promise<void> | undefined;

  /** Nothing is opened or read yet. Throws TypeError or RangeError, naming the option that cannot be used. */
  constructor(options: OneDriveTokenHandlerOptions) {
    const settings = readOptions(options);
    this.#settings = settings;
    this.#opened = openStore(settings);
    this.#http = new HttpClient(settings.dispatcher);
    this.#provider = new Provider(this.#http, settings, this.#emit);
    this.#shared = new SharedToken({
      store: this.#opened.store,
      name: settings.appName,
      clientId: settings.clientId,
      authority: settings.authority,
      refresh: (record, { signal }) => {
        this.#limit = signal;
        return this.#provider.refresh(record);
      },
      signIn: (context) => this.#signIn({}, context),
      needsSignIn: (error) => error instanceof OneDriveTokenError && error.code === 'SIGN_IN_REQUIRED',
      describeRefusal,
      accepts: grantJudge(settings),
      interactive: settings.interactive,
      expirySkew: settings.expirySkew,
      refreshTimeout: settings.requestTimeout,
      signInTimeout: settings.signInTimeout,
      onEvent: (event, error) => this.#translate(event, error),
    });
  }

  /**
   * A valid access token: from memory, else the store, else a refresh, else the browser. The token is stored before it is
   * returned. If storing fails, an event says so, and it is tried again, by close() at the latest.
   *
   * Throws OneDriveTokenError, or the signal's reason.
   */
  async getToken(options?: GetTokenOptions): Promise<string> {
    return (this.#shared.peek(options) ?? (await this.getTokenDetails(options))).accessToken;
  }

  /** As {@link getToken}, with the times of the token, in epoch milliseconds. */
  async getTokenDetails(options: GetTokenOptions = {}): Promise<AccessToken> {
    return this.#run(() => this.#shared.getToken(options));
  }

  /** The same token; makes the handler an `AuthenticationProvider` of the Microsoft Graph SDK. */
  async getAccessToken(): Promise<string> {
    return this.getToken();
  }

  /** The handler as a credential of the Azure SDKs. Ignores the scopes that an SDK asks for: the handler's own apply. */
  asTokenCredential(): TokenCredential {
    return {
      getToken: async (_scopes, { abortSignal, claims } = {}) => {
        // The Azure SDKs also pass signals of `@azure/abort-controller`, which have no reason and no newer methods.
        const caller = new AbortController();
        const abort = (): void => caller.abort(abortSignal?.reason);
        if (abortSignal?.aborted) abort();
        abortSignal?.addEventListener('abort', abort);
        try {
          // Claims come with a 401: the API has rejected the held token.
          const options = { signal: caller.signal, forceRefresh: claims !== undefined };
          const { accessToken, expiresAt } = await this.getTokenDetails(options);
          return { token: accessToken, expiresOnTimestamp: expiresAt };
        } finally {
          abortSignal?.removeEventListener('abort', abort);
        }
      },
    };
  }

  /**
   * Signs in, even if a sign-in is stored: in the browser, with a device code, or by a pasted address. Concurrent calls for
   * the browser without a login hint or prompt share one window. Throws OneDriveTokenError, or the signal's reason.
   */
  async signIn(options: SignInOptions = {}): Promise<SignInStatus> {
    checkSignInOptions(options);
    const { signal, ...how } = options;
    const { method = 'browser', loginHint, prompt } = how;
    const isPlain = method === 'browser' && loginHint === undefined && prompt === undefined;
    const signIn = isPlain ? undefined : (context: SignInContext) => this.#signIn(how, context);
    await this.#run(() => this.#shared.signIn({ signal, signIn }));
    return this.status();
  }

  /**
   * Deletes the stored tokens, of any client id. A refresh or a sign-in that is under way does not bring them back: it
   * ends in SIGN_IN_REQUIRED. Microsoft has no endpoint to revoke the tokens of a personal account. Throws STORE.
   */
  async signOut(): Promise<void> {
    return this.#run(() => {
      this.#signedOut = this.#shared.signOut();
      return this.#signedOut;
    });
  }

  /** What the store knows; never touches the network. Throws STORE. */
  async status(): Promise<SignInStatus> {
    return statusOfRecord(await this.#run(() => this.#shared.read()), this.#settings);
  }

  /** Writes a test record and deletes it: a full disk, for example, is noticed before a person is asked. Throws STORE. */
  async ensureWritable(): Promise<void> {
    return this.#run(() => runOnStore(() => ensureWritable(this.#opened.store, this.#settings.appName)));
  }

  /**
   * undici's `fetch` through the handler's dispatcher and proxy, for calls to Microsoft Graph. It adds no token.
   * Throws NETWORK, CLOSED, or the signal's reason.
   */
  async fetch(url: string | URL, init?: RequestInit): Promise<Response> {
    return this.#run(() => this.#http.fetch(url, init));
  }

  /**
   * Ends a sign-in that is under way; callers that still wait reject with CLOSED. Waits, at most `requestTimeout`, for a
   * refresh request that was sent, so that its result is stored, and for a sign-out. Every call returns the same promise.
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
    try {
      await this.#shared.close();
      await this.#http.close(closedError());
      await settled(this.#signedOut, this.#settings.requestTimeout);
    } finally {
      this.#opened.close();
    }
  }

  async #signIn(options: SignInOptions, context: SignInContext): Promise<TokenResponse> {
    // Loaded on first use, because it also loads the code that waits for a browser.
    const { signIn } = await import('./sign-in/sign-in.ts');
    const redeem: SignInContext['redeem'] = (exchange) =>
      context.redeem(async () => {
        this.#granted = await exchange();
        return this.#granted;
      });
    const [settings, provider, emit] = [this.#settings, this.#provider, this.#emit];
    return signIn({ settings, provider, options, context: { ...context, redeem }, emit });
  }

  /** Runs work for a caller, and converts its errors to those of the handler. */
  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError();
    try {
      return await work();
    } catch (error) {
      const explained = this.#explain(error);
      // After close(), an error of the store may only mean that the file is closed.
      throw this.#closed && (Object(explained) as { code?: unknown }).code === 'STORE' ? closedError() : explained;
    }
  }

  /** In a busy process, shared-token's timeout may fire before the request's own. Both give the caller the same error. */
  #explain(error: unknown): unknown {
    const { authority, requestTimeout } = this.#settings;
    const isLate = this.#limit?.aborted && error === this.#limit.reason;
    return isLate ? this.#http.late(endpointUrl(authority, 'token'), requestTimeout) : toHandlerError(error);
  }

  /** `error`: the original error behind that of the event. */
  #translate(event: SharedTokenEvent, error: unknown): void {
    switch (event.type) {
      case 'refresh-failed':
      case 'store-failed':
      case 'sign-in-failed':
        this.#emit({ ...event, error: this.#explain(error) as OneDriveTokenError });
        break;
      // signIn() of sign-in.ts emits this event, with the method.
      case 'sign-in-started':
      // The handler passes no `revoke` to shared-token.
      case 'revoke-failed':
        break;
      case 'signed-in': {
        const account = readAccount(this.#granted?.id_token);
        const scopes = splitScope(this.#granted?.scope);
        const missing = this.#settings.scopes.filter((needed) => !coversScopes(scopes, [needed]));
        if (missing.length > 0) this.#emit({ type: 'scopes-not-granted', scopes: missing });
        this.#emit({ ...event, ...(account && { account }), scopes });
        break;
      }
      default:
        this.#emit(event);
    }
  }

  readonly #emit = (event: TokenEvent): void => {
    const listen = async (): Promise<unknown> => this.#settings.onEvent?.(event);
    // A listener that fails must not cost a sign-in.
    listen().catch(() => {});
  };
}
