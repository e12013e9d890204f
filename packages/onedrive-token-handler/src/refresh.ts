import type { FlowContext } from './flow-context.ts';
import { areOfOtherAccounts } from './id-token.ts';
import { OneDriveTokenError } from './one-drive-token-error.ts';
import type { Settings } from './options.ts';
import { signedOut } from './record-keeper.ts';
import { scopesToAsk, splitScope } from './scopes.ts';
import { isGranted, usableToken } from './stored-record.ts';
import { type AccessToken, readTokenResponse, type TokenSet } from './token-response.ts';
import type { TokenRecord } from './token-store.ts';

/** How the way without a person ended. */
export type SilentOutcome =
  | { type: 'token'; token: AccessToken }
  /** A person has to sign in; `seen` is the refresh token that was of no use. */
  | { type: 'sign-in'; reason: OneDriveTokenError; seen: string | undefined }
  /** `bridge`: a token that is still valid, although it should have been refreshed. */
  | { type: 'failed'; error: OneDriveTokenError; bridge: AccessToken | undefined };

export interface SilentRequest {
  /** The access token in memory. */
  held: AccessToken | undefined;
  /** Whether a caller knows that token, or else the stored one, to be useless. */
  forced: boolean;
  /** Ends the wait for another process. A request that has left is always finished and stored. */
  signal: AbortSignal;
}

/** A holder of the lock gets as long as one exchange with the provider may take, and a little for its writes. */
const lockMargin = 5_000;

/** Milliseconds between two looks at the store while another process refreshes. */
const lookInterval = 50;

/** The stored access token, or a refreshed one. Rejects with SIGN_IN_REQUIRED after a sign-out, or with the signal's reason. */
export async function obtainSilently(context: FlowContext, request: SilentRequest): Promise<SilentOutcome> {
  const { settings, keeper, emit } = context;
  const { held, forced, signal } = request;
  let first: TokenRecord | undefined;
  try {
    first = await keeper.read();
    const stored = usableToken(first, settings, settings.expirySkew);
    if (stored && !(forced && stored.accessToken === (held ?? stored).accessToken)) {
      emit({ type: 'stored-token', expiresAt: stored.expiresAt });
      return { type: 'token', token: stored };
    }
    if (!first) {
      const message = `Nobody is signed in for ${JSON.stringify(settings.appName)} with this client id and authority.`;
      return needSignIn(message, first, 'not-signed-in');
    }
    if (!isGranted(first, settings)) return needConsent(first, settings);
    return await refreshOrWait(context, first, request);
  } catch (error) {
    if (signal.aborted || !(error instanceof OneDriveTokenError) || error.code === 'SIGN_IN_REQUIRED') throw error;
    // Nobody gets the token of somebody who has signed out meanwhile.
    const now = await keeper.read().catch(() => first);
    if (first && !now) throw signedOut();
    const bridge = usableToken(now, settings, 0) ?? usableToken(held, settings, 0);
    emit({ type: 'refresh-failed', error, bridged: bridge !== undefined && !forced });
    return { type: 'failed', error, bridge };
  }
}

function needConsent(record: TokenRecord, { appName }: Settings): SilentOutcome {
  const message = `The sign-in of ${JSON.stringify(appName)} was granted other scopes than are needed now.`;
  return needSignIn(message, record, 'not-accepted');
}

function needSignIn(
  message: string,
  record: TokenRecord | undefined,
  reason: 'not-signed-in' | 'not-accepted',
): SilentOutcome {
  const error = new OneDriveTokenError('SIGN_IN_REQUIRED', `${message} Call signIn().`, { reason });
  return { type: 'sign-in', reason: error, seen: record?.refreshToken };
}

/**
 * Waits for a turn to refresh, or for what another process's refresh brings: where many wait, it would take long until each
 * had its turn to find that nothing is left to do.
 */
async function refreshOrWait(context: FlowContext, first: TokenRecord, request: SilentRequest): Promise<SilentOutcome> {
  const { settings, keeper, emit } = context;
  const found = new AbortController();
  let token: AccessToken | undefined;
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    const record = await keeper.read().catch(() => first);
    looking = false;
    if (record?.accessToken !== first.accessToken) token = usableToken(record, settings, 0);
    if (token) found.abort();
  };
  // The wait for the lock keeps the process alive, not this: a store of the user's own may never end it.
  const timer = setInterval(look, lookInterval).unref();
  const refresh = (): Promise<SilentOutcome> => {
    clearInterval(timer);
    return refreshInTurn(context, first, request);
  };
  try {
    return await keeper.exclusively(settings.appName, refresh, {
      timeout: settings.requestTimeout + lockMargin,
      signal: AbortSignal.any([request.signal, found.signal]),
      onWait: () => emit({ type: 'waiting', for: 'refresh' }),
    });
  } catch (error) {
    if (!token || error !== found.signal.reason) throw error;
    emit({ type: 'stored-token', expiresAt: token.expiresAt });
    return { type: 'token', token };
  } finally {
    clearInterval(timer);
  }
}

async function refreshInTurn(
  context: FlowContext,
  first: TokenRecord,
  { forced, signal }: SilentRequest,
): Promise<SilentOutcome> {
  const { settings, keeper, emit } = context;
  // Each further round means that somebody wrote a record without the lock: the Python class, or a sign-in.
  for (let round = 0; round < 5; round++) {
    const record = await keeper.read();
    // Thrown, not returned: no browser opens for somebody who has just signed out.
    if (!record) throw signedOut();
    if (!isGranted(record, settings)) return needConsent(record, settings);
    // One that was obtained while this caller waited counts even where it is short-lived.
    const isNew = record.accessToken !== first.accessToken;
    const stored = usableToken(record, settings, isNew ? 0 : settings.expirySkew);
    if (stored && (isNew || !forced)) {
      emit({ type: 'stored-token', expiresAt: stored.expiresAt });
      return { type: 'token', token: stored };
    }
    if (!(await keeper.prove(record))) continue;
    signal.throwIfAborted();
    const outcome = await refreshOnce(context, record);
    if (outcome) return outcome;
  }
  const message = `The record of ${JSON.stringify(settings.appName)} keeps changing. Try again.`;
  throw new OneDriveTokenError('STORE', message, { retryable: true });
}

/** undefined: another record stands in the store by now. */
async function refreshOnce(context: FlowContext, record: TokenRecord): Promise<SilentOutcome | undefined> {
  const { settings, keeper, provider, emit } = context;
  const obtainedAt = Date.now();
  const started = performance.now();
  emit({ type: 'refresh-started' });
  const scope = scopesToAsk(settings, splitScope(record.scope)).join(' ');
  let tokens: TokenSet;
  try {
    const form = { grant_type: 'refresh_token', refresh_token: record.refreshToken, scope };
    const answer = await (await provider()).post({ endpoint: 'token', step: 'refresh', form });
    tokens = readTokenResponse(answer, obtainedAt);
  } catch (error) {
    if (!(error instanceof OneDriveTokenError) || error.code !== 'SIGN_IN_REQUIRED') throw error;
    const now = await keeper.read();
    if (now?.refreshToken !== record.refreshToken) return undefined;
    emit({ type: 'refresh-failed', error, bridged: false });
    return { type: 'sign-in', reason: error, seen: record.refreshToken };
  }
  const next = nextRecord(settings, tokens, record);
  if (!(await keeper.advance(record.refreshToken, next))) return undefined;
  const rotated = next.refreshToken !== record.refreshToken;
  const duration = Math.round(performance.now() - started);
  emit({ type: 'refreshed', expiresAt: tokens.expiresAt, rotated, duration });
  return { type: 'token', token: tokens };
}

function nextRecord({ clientId, authority }: Settings, tokens: TokenSet, old: TokenRecord): TokenRecord {
  if (areOfOtherAccounts(old.idToken, tokens.idToken)) {
    const message =
      'The provider answered the refresh with a token of another account. Nothing was stored; sign in again.';
    throw new OneDriveTokenError('RESPONSE', message);
  }
  const { accessToken, expiresAt, obtainedAt, refreshToken = old.refreshToken } = tokens;
  const scope = tokens.scope ?? old.scope;
  const idToken = tokens.idToken ?? old.idToken;
  return { refreshToken, accessToken, expiresAt, obtainedAt, clientId, authority, scope, idToken };
}
