import { checkRecordName, checkText, refuseUnknown, type TokenRecord, type TokenStore } from 'token-store-kit';
import type { SignInReason } from './shared-token-error.ts';
import type { SharedTokenEvent } from './shared-token-event.ts';
import type { TokenResponse } from './token-response.ts';

/** What `refresh` is given besides the record. */
export interface RefreshContext {
  /** Aborts after `refreshTimeout`, and when the store's lock is lost. */
  readonly signal: AbortSignal;
}

/** What `revoke` is given besides the record. */
export interface RevokeContext {
  /** Aborts after `refreshTimeout`. */
  readonly signal: AbortSignal;
}

/** What `signIn` is given. */
export interface SignInContext {
  /**
   * Aborts after `signInTimeout`, when the last caller lets go, and on `close()` or `signOut()`. While `redeem` runs only after
   * `refreshTimeout`, so an exchange may use it.
   */
  readonly signal: AbortSignal;
  /** How long the person has, in milliseconds. */
  readonly timeout: number;
  /** Why the person is asked; `requested`: because `signIn()` was called. */
  readonly reason: SignInReason | 'requested';
  /** The stored sign-in, if there is one of this client and authority: for a login hint, or for the scopes it had. */
  readonly record?: TokenRecord | undefined;
  /**
   * Exchanges the person's answer for tokens, and stores them before it resolves: a page in the browser can then tell
   * the truth. From its call on, neither `signInTimeout` nor an abort ends the sign-in: the exchange has `refreshTimeout`
   * instead, and so has what follows it. A second call returns the result of the first one. Optional: what `signIn` resolves with is
   * stored as well.
   */
  redeem(exchange: () => Promise<TokenResponse>): Promise<TokenResponse>;
}

/** Asks the person to sign in, and resolves with the token response. */
export type SignIn = (context: SignInContext) => Promise<TokenResponse>;

/** Durations are milliseconds. `undefined` is the default. */
export interface SharedTokenOptions {
  /** Where the record is kept. It stays the caller's: `close()` does not close it. */
  store: TokenStore;
  /** Names the record in the store: programs that use the same store and name share one sign-in. */
  name: string;
  /** Stored with each record. A record of another client is never used. */
  clientId?: string | undefined;
  /** Names the provider, for example its issuer. Stored with each record; a record of another one is never used. */
  authority?: string | undefined;
  /**
   * Sends one refresh request (RFC 6749 section 6) and resolves with the token response as it came. It is called while no
   * other process refreshes, and not for a record without a refresh token. What it throws reaches the caller unchanged, unless a person
   * has to sign in, or a token that is still valid is returned instead: for as many milliseconds as a number `retryAfter` of the error says.
   */
  refresh: (record: TokenRecord & { refreshToken: string }, context: RefreshContext) => Promise<TokenResponse>;
  /** Asks the person. Without it, `getToken()` ends in SIGN_IN_REQUIRED when a person is needed. */
  signIn?: SignIn | undefined;
  /**
   * Whether an error of `refresh` means that only a sign-in helps. Default: the OAuth errors invalid_grant,
   * interaction_required, consent_required and login_required, in `error`, `errorCode` or `code` of the error or of a cause.
   */
  needsSignIn?: ((error: unknown) => boolean) | undefined;
  /** What `refusedBecause` of the record says after such an error, without secrets. Default: the OAuth error. */
  describeRefusal?: ((error: unknown) => string) | undefined;
  /**
   * Whether a record has what this program needs, for example its scopes. It is asked at each call, so what is needed may grow. If false,
   * a person is asked, and `signIn` should ask for the scopes of its `record` and for those that are needed: other programs may need the
   * former. What this instance's own sign-in brought counts although it is less, until a call forces a refresh. Default: always.
   */
  accepts?: ((record: TokenRecord) => boolean) | undefined;
  /**
   * Ends a sign-in at the provider, for example by a revocation request (RFC 7009). `signOut()` calls it when the record is deleted, and
   * waits for it for at most `refreshTimeout`. If it fails, the sign-out holds, and the event `revoke-failed` says so. What a refresh or a
   * sign-in that was under way brings after that is given to it as well.
   */
  revoke?: ((record: TokenRecord, context: RevokeContext) => Promise<unknown>) | undefined;
  /** Whether getToken() may ask a person. Default true if there is `signIn`. */
  interactive?: boolean | undefined;
  /**
   * An access token this close to its expiry counts as expired. Default 300,000. Never more than a tenth of the token's life, if the
   * record says when it was obtained.
   */
  expirySkew?: number | undefined;
  /**
   * That long before a token is refreshed as `expirySkew` says, a call of getToken() gets it at once, and one process of all refreshes
   * meanwhile. Default 0: no refresh ahead. In the first half of a token's life there is none.
   *
   * A refresh ahead that has not been sent keeps no process alive. One that was sent does, until its answer is stored. Call `close()`
   * before `process.exit()`, which waits for nothing: otherwise the answer may be lost, and with it the new refresh token.
   */
  refreshAhead?: number | undefined;
  /** How long `refresh`, `revoke` or the exchange of a sign-in may take. Default 30,000. */
  refreshTimeout?: number | undefined;
  /** How long a sign-in waits for the person. Default 180,000. */
  signInTimeout?: number | undefined;
  /** Called with what happens. `error` is the original of the event's `error`; it may quote secrets, so do not log it. */
  onEvent?: ((event: SharedTokenEvent, error?: unknown) => unknown) | undefined;
}

/** What one call of getToken() wants. */
export interface GetTokenOptions {
  /** Whether a person may be asked. Default: the instance's own `interactive`. */
  interactive?: boolean | undefined;
  /**
   * Refreshes even if the token looks valid, or a refresh was refused before: for an API that answered 401. Without a refresh token, the
   * person is asked. Default false.
   */
  forceRefresh?: boolean | undefined;
  /**
   * How long the token should be valid, in milliseconds: for a program that keeps it. One that expires sooner is refreshed.
   * The result may still expire sooner: see its `expiresAt`. More than nine tenths of a token's life count as half of it. Default:
   * `expirySkew`.
   */
  minValid?: number | undefined;
  /** Lets go of this call alone; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What one call of signIn() wants. */
export interface SignInOptions {
  /** Lets go of this call; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Another way to ask the person, for this call alone. */
  signIn?: SignIn | undefined;
}

/** The options with their defaults, checked. */
export type Settings = Readonly<ReturnType<typeof readOptions>>;

const storeMethods = ['get', 'set', 'replace', 'delete', 'list', 'exclusively'] as const;
/** What a timer can wait for. */
const timerRange: [number, number] = [1, 2 ** 31 - 1];
/** Of 24 days: what may be added to a timeout, for example for the store. A timer that has to wait for longer than it can fires at once. */
const timerMarginMs = 60_000;

/** Throws TypeError or RangeError, naming the option that cannot be used. */
export function readOptions(options: SharedTokenOptions) {
  const {
    store,
    name,
    clientId,
    authority,
    refresh,
    signIn,
    needsSignIn = (error: unknown) => refusalOf(error) !== undefined,
    describeRefusal = (error: unknown) => refusalOf(error) ?? 'refused',
    accepts = () => true,
    revoke,
    interactive = signIn !== undefined,
    expirySkew = 300_000,
    refreshAhead = 0,
    refreshTimeout = 30_000,
    signInTimeout = 180_000,
    onEvent,
    ...unknown
  } = options;
  refuseUnknown(unknown);
  for (const method of storeMethods) {
    if (typeof store?.[method] !== 'function') throw new TypeError(`store must have a method ${method}()`);
  }
  const functions = { refresh, needsSignIn, describeRefusal, accepts };
  for (const [name, value] of Object.entries({ ...functions, signIn, revoke, onEvent })) {
    if (typeof value === 'function' || (value === undefined && !(name in functions))) continue;
    throw new TypeError(`${name} must be a function, not ${typeof value}`);
  }
  checkRecordName(name, 'name');
  if (typeof interactive !== 'boolean') throw new TypeError(`interactive must be a boolean, not ${typeof interactive}`);
  return {
    ...{ store, name, ...functions, signIn, revoke, onEvent, interactive },
    clientId: clientId === undefined ? undefined : readText('clientId', clientId),
    authority: authority === undefined ? undefined : readText('authority', authority),
    expirySkew: readDuration('expirySkew', expirySkew),
    refreshAhead: readDuration('refreshAhead', refreshAhead),
    refreshTimeout: readTimeout('refreshTimeout', refreshTimeout),
    signInTimeout: readTimeout('signInTimeout', signInTimeout),
  };
}

/** RFC 6749 section 5.2 and OpenID Connect Core section 3.1.2.6. */
const refusals = new Set(['invalid_grant', 'interaction_required', 'consent_required', 'login_required']);

/** The OAuth error that means "sign in again", as openid-client, oauth4webapi, the MCP SDK or a cause of theirs carries it. */
function refusalOf(error: unknown, depth = 0): string | undefined {
  const { error: oauthError, errorCode, code, cause }: Record<string, unknown> = Object(error);
  for (const candidate of [oauthError, errorCode, code]) {
    if (typeof candidate === 'string' && refusals.has(candidate)) return candidate;
  }
  return cause === undefined || depth === 3 ? undefined : refusalOf(cause, depth + 1);
}

function readText(name: string, value: unknown): string {
  checkText(value, name);
  if (value === '') throw new TypeError(`${name} must not be empty`);
  return value;
}

function readTimeout(name: string, value: unknown): number {
  return Math.min(readDuration(name, value, timerRange), timerRange[1] - timerMarginMs);
}

/** Throws TypeError or RangeError, naming the option. */
export function readDuration(name: string, value: unknown, [least, most] = [0, Number.MAX_SAFE_INTEGER]): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number of milliseconds, not ${typeof value}`);
  if (value >= least && value <= most) return value;
  throw new RangeError(`${name} must be between ${least} and ${most} milliseconds, not ${value}`);
}
