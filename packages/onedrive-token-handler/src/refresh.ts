import { readAccount } from './id-token.ts';
import { OneDriveTokenError } from './one-drive-token-error.ts';
import type { Settings } from './options.ts';
import type { Provider } from './provider.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { coversScopes, splitScope } from './scopes.ts';
import type { TokenEvent } from './token-event.ts';
import { readTokenResponse, type TokenSet } from './token-response.ts';
import type { TokenRecord } from './token-store.ts';

export interface RefreshContext {
  settings: Settings;
  keeper: RecordKeeper;
  provider: () => Promise<Provider>;
  emit: (event: TokenEvent) => void;
}

/** A record whose access token can be used, or why a person has to sign in. */
export type SilentOutcome =
  | { record: TokenRecord; signIn?: undefined }
  | { signIn: OneDriveTokenError; seen: string | undefined };

/** A holder of the lock gets as long as one exchange with the provider may take, and a little for its writes. */
const lockMargin = 5_000;

/**
 * The stored access token, or a refreshed one. `rejected` is an access token that a caller knows to be useless.
 * The signal ends the wait for another process; a request that has left is always finished and stored.
 */
export async function obtainSilently(
  context: RefreshContext,
  rejected: { accessToken: string | undefined } | undefined,
  signal: AbortSignal,
): Promise<SilentOutcome> {
  const { settings, keeper, emit } = context;
  const first = await keeper.read();
  const useless = rejected && (rejected.accessToken ?? first?.accessToken);
  if (first && isUsable(first, settings) && first.accessToken !== useless) {
    emit({ type: 'stored-token', expiresAt: first.expiresAt as number });
    return { record: first };
  }
  const obstacle = whySignIn(first, settings);
  if (obstacle || !first) return obstacle as SilentOutcome;
  try {
    return await keeper.exclusively(
      settings.appName,
      () => refreshInTurn(context, first, rejected !== undefined, signal),
      {
        timeout: settings.requestTimeout + lockMargin,
        signal,
        onWait: () => emit({ type: 'waiting', for: 'refresh' }),
      },
    );
  } catch (error) {
    if (signal.aborted || !(error instanceof OneDriveTokenError) || error.code === 'SIGN_IN_REQUIRED') throw error;
    const bridged = rejected === undefined && isValid(first, settings, 0);
    emit({ type: 'refresh-failed', error, bridged });
    if (bridged) return { record: first };
    throw error;
  }
}

/** Whether the access token is good for what the handler needs, and not within `skew` of its end. */
function isValid(record: TokenRecord, settings: Settings, skew: number): boolean {
  const now = Date.now();
  const { accessToken, expiresAt, obtainedAt = now, scope } = record;
  // Obtained in the future: the clock has jumped back, and nobody knows when the token ends.
  if (accessToken === undefined || expiresAt === undefined || expiresAt - skew <= now || obtainedAt > now) return false;
  return scope === undefined || coversScopes(splitScope(scope), settings.scopes);
}

function isUsable(record: TokenRecord, settings: Settings): boolean {
  return isValid(record, settings, settings.expirySkew);
}

function whySignIn(record: TokenRecord | undefined, { appName, scopes }: Settings): SilentOutcome | undefined {
  const need = (message: string): SilentOutcome => ({
    signIn: new OneDriveTokenError('SIGN_IN_REQUIRED', `${message} Call signIn().`),
    seen: record?.refreshToken,
  });
  if (!record) return need(`Nobody is signed in for ${JSON.stringify(appName)} with this client id and authority.`);
  if (record.scope !== undefined && !coversScopes(splitScope(record.scope), scopes)) {
    return need(`The sign-in of ${JSON.stringify(appName)} was granted other scopes than are needed now.`);
  }
  return undefined;
}

async function refreshInTurn(
  context: RefreshContext,
  first: TokenRecord,
  forced: boolean,
  signal: AbortSignal,
): Promise<SilentOutcome> {
  const { settings, keeper, emit } = context;
  // Each further round means that somebody wrote a record without the lock: the Python class, or a sign-in.
  for (let round = 0; round < 5; round++) {
    const record = await keeper.read();
    // Thrown, not returned: no browser opens for somebody who has just signed out.
    if (!record) throw new OneDriveTokenError('SIGN_IN_REQUIRED', 'Somebody signed out meanwhile. Call signIn().');
    const obstacle = whySignIn(record, settings);
    if (obstacle) return obstacle;
    // One that was obtained while this caller waited counts even where it is short-lived.
    const isNew = record.accessToken !== first.accessToken && isValid(record, settings, 0);
    if (isNew || (!forced && isUsable(record, settings))) {
      emit({ type: 'stored-token', expiresAt: record.expiresAt as number });
      return { record };
    }
    if (!(await keeper.prove(record))) continue;
    signal.throwIfAborted();
    const outcome = await refreshOnce(context, record);
    if (outcome) return outcome;
  }
  throw new OneDriveTokenError(
    'STORE',
    `The record of ${JSON.stringify(settings.appName)} keeps changing. Try again.`,
    {
      retryable: true,
    },
  );
}

/** undefined: another record stands in the store by now. */
async function refreshOnce(
  { settings, keeper, provider, emit }: RefreshContext,
  record: TokenRecord,
): Promise<SilentOutcome | undefined> {
  const obtainedAt = Date.now();
  const started = performance.now();
  emit({ type: 'refresh-started' });
  // What was granted is asked for again, so that a program with fewer scopes doesn't narrow the record it shares.
  const scope = [...new Set([...settings.scopes, ...splitScope(record.scope)])].join(' ');
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
    return { signIn: error, seen: record.refreshToken };
  }
  const next = nextRecord(settings, tokens, record);
  if (!(await keeper.advance(record.refreshToken, next))) return undefined;
  emit({
    type: 'refreshed',
    expiresAt: tokens.expiresAt,
    rotated: next.refreshToken !== record.refreshToken,
    duration: Math.round(performance.now() - started),
  });
  return { record: next };
}

function nextRecord({ clientId, authority }: Settings, tokens: TokenSet, old: TokenRecord): TokenRecord {
  const before = readAccount(old.idToken)?.id;
  const after = readAccount(tokens.idToken)?.id;
  if (before !== undefined && after !== undefined && before !== after) {
    throw new OneDriveTokenError(
      'RESPONSE',
      'The provider answered the refresh with a token of another account. Nothing was stored; sign in again.',
    );
  }
  const { accessToken, expiresAt, obtainedAt, refreshToken = old.refreshToken } = tokens;
  const next: TokenRecord = { refreshToken, accessToken, expiresAt, obtainedAt, clientId, authority };
  const scope = tokens.scope ?? old.scope;
  const idToken = tokens.idToken ?? old.idToken;
  if (scope !== undefined) next.scope = scope;
  if (idToken !== undefined) next.idToken = idToken;
  return next;
}
