import { checkRecordName, checkText, refuseUnknown, type TokenRecord, type TokenStore } from 'token-store-kit';
import type { SignInReason } from './shared-token-error.ts';
import type { SharedTokenEvent } from './shared-token-event.ts';

/** A successful response of the token endpoint, as the provider sent it (RFC 6749 section 5.1). */
export interface TokenResponse {
  access_token: string;
  /** Seconds. Without it the access token counts until a call forces a refresh. */
  expires_in?: number | string | undefined;
  /** Absent if the provider does not rotate refresh tokens: then the old one stays. */
  refresh_token?: string | undefined;
  /** Seconds until the refresh token expires. Not in the RFC, but sent by GitHub, Google and others. */
  refresh_token_expires_in?: number | string | undefined;
  /** Seconds within which the refresh token has to be used (draft-ietf-oauth-refresh-token-expiration). */
  refresh_token_timeout?: number | string | undefined;
  /** Seconds until the person's authorization ends, regardless of refreshes (the same draft). */
  authorization_expires_in?: number | string | undefined;
  /** The granted scopes, separated by spaces. */
  scope?: string | undefined;
  id_token?: string | undefined;
  token_type?: string | undefined;
  /**
   * Not from the provider: strings that `refresh` or `signIn` adds to the record, for example a client registration. At most 65,536
   * bytes as JSON; anything else is dropped. If a refresh brings none, the record keeps the old ones. If your provider's own answers
   * have a `data`, remove that.
   */
  data?: Readonly<Record<string, string>> | undefined;
}

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
   * Aborts after `signInTimeout`, when the last caller has aborted, and on `close()` or `signOut()`. While `redeem` runs, the signal aborts
   * only after `refreshTimeout`, so the exchange may use it.
   */
  readonly signal: AbortSignal;
  /** How long the person has, in milliseconds. */
  readonly timeout: number;
  /** Why the person is asked; `requested`: because `signIn()` was called. */
  readonly reason: SignInReason | 'requested';
  /** The stored record, if there is one of this client and authority: for a login hint, or for its scopes. */
  readonly record?: TokenRecord | undefined;
  /**
   * Runs `exchange`, which redeems the person's answer for tokens, and stores them before it resolves. A page in the browser can then
   * report the true result. Once `redeem` is called, neither `signInTimeout` nor an abort ends the sign-in. Instead, the exchange may take
   * `refreshTimeout`, and so may the rest of `signIn`. A second call returns the result of the first one. `redeem` is optional: the tokens
   * that `signIn` resolves with are stored as well.
   */
  redeem(exchange: () => Promise<TokenResponse>): Promise<TokenResponse>;
}

/** Asks the person to sign in, and resolves with the token response. */
export type SignIn = (context: SignInContext) => Promise<TokenResponse>;

/** Durations are in milliseconds. `undefined` stands for the default. */
export interface SharedTokenOptions {
  /** Keeps the record. The caller closes the store; `close()` does not. */
  store: TokenStore;
  /** Names the record in the store: programs that use the same store and name share one sign-in. */
  name: string;
  /** Stored with each record. A record of another client is never used. */
  clientId?: string | undefined;
  /** Names the provider, for example by its issuer. Stored with each record. A record of another authority is never used. */
  authority?: string | undefined;
  /**
   * Sends one refresh request (RFC 6749 section 6) and resolves with the token response, unchanged. Called only while no other process
   * refreshes, and only for a record with a refresh token. Its error reaches the caller unchanged, unless a person has to sign in. A token
   * that is still valid is returned instead of the error: for as many milliseconds as a number `retryAfter` of the error says.
   */
  refresh: (record: TokenRecord & { refreshToken: string }, context: RefreshContext) => Promise<TokenResponse>;
  /** Asks the person. Without it, `getToken()` ends in SIGN_IN_REQUIRED when a person is needed. */
  signIn?: SignIn | undefined;
  /**
   * Whether an error of `refresh` means that only a sign-in helps. Default: the OAuth errors invalid_grant,
   * interaction_required, consent_required and login_required, in `error`, `errorCode` or `code` of the error or of a cause.
   */
  needsSignIn?: ((error: unknown) => boolean) | undefined;
  /** Describes such an error, without secrets, for `refusedBecause` of the record. Default: the OAuth error. */
  describeRefusal?: ((error: unknown) => string) | undefined;
  /**
   * Whether a record meets the needs of this program, for example in its scopes. Each getToken() calls it, so the needs may grow. If false,
   * a person is asked. `signIn` should then request the missing scopes and those of its `record`, because other programs may need these.
   * The result of this instance's own sign-in counts even if scopes are missing, until a call forces a refresh. Default: always.
   */
  accepts?: ((record: TokenRecord) => boolean) | undefined;
  /**
   * Ends a sign-in at the provider, for example by a revocation request (RFC 7009). `signOut()` calls it after it has deleted the record,
   * and waits at most `refreshTimeout`. If `revoke` fails, the record stays deleted, and the event `revoke-failed` reports the error. A
   * refresh or a sign-in under way may bring tokens after that: `revoke` is called for these as well.
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
   * How long before the time of `expirySkew` a refresh ahead may start. A call of getToken() then gets the token at once, while one of all
   * processes refreshes it. Default 0: no refresh ahead. In the first half of a token's life there is none.
   *
   * A refresh ahead keeps the process alive only from the time its request is sent until the answer is stored. Call `close()` before
   * `process.exit()`, which waits for nothing: otherwise the answer may be lost, and with it the new refresh token.
   */
  refreshAhead?: number | undefined;
  /** How long `refresh`, `revoke` or the exchange of a sign-in may take. Default 30,000. */
  refreshTimeout?: number | undefined;
  /** How long a sign-in waits for the person. Default 180,000. */
  signInTimeout?: number | undefined;
  /** Called for each event. `error` is the original of the event's `error`; it may quote secrets, so do not log it. */
  onEvent?: ((event: SharedTokenEvent, error?: unknown) => unknown) | undefined;
}

/** Options of one call of getToken(). */
export interface GetTokenOptions {
  /** Whether a person may be asked. Default: the instance's own `interactive`. */
  interactive?: boolean | undefined;
  /**
   * Refreshes even if the token looks valid, or the provider refused an earlier refresh. For use after an API answered 401. Without a
   * refresh token, the person is asked. Default false.
   */
  forceRefresh?: boolean | undefined;
  /**
   * How long the token should still be valid, in milliseconds: for a program that keeps it. A token that expires sooner is refreshed. The
   * new token may also expire sooner: see its `expiresAt`. A value above nine tenths of a token's life counts as half of that life.
   * Default: `expirySkew`.
   */
  minValid?: number | undefined;
  /** Aborts this call alone, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of one call of signIn(). */
export interface SignInOptions {
  /** Aborts this call, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Another way to ask the person, for this call alone. */
  signIn?: SignIn | undefined;
}

/** The options with their defaults, checked. */
export type Settings = Readonly<ReturnType<typeof readOptions>>;

const storeMethods = ['get', 'set', 'replace', 'delete', 'list', 'exclusively'] as const;
/** The delays that setTimeout() can wait for, in milliseconds: up to 24 days. With a longer one, it fires at once. */
const timerRange: [number, number] = [1, 2 ** 31 - 1];
/** Timeouts stay this far below that limit, because the code adds time to them, for example for the store. */
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

/** The OAuth error that means "sign in again". It is in a field of the error or of a cause: openid-client, oauth4webapi, the MCP SDK. */
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
