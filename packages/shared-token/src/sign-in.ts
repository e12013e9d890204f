import { comparedToken, type Lock, signInLockName, type TokenRecord } from 'token-store-kit';
import type { SignIn, SignInContext } from './options.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { obtainSilently } from './refresh.ts';
import { revokeUnstored } from './revoke.ts';
import { runExclusively } from './run-exclusively.ts';
import { hasCode, lockLostError, SharedTokenError, signInRequired } from './shared-token-error.ts';
import { describeError, secretsOf } from './shared-token-event.ts';
import { type Obtained, useStored } from './silent-outcome.ts';
import { readTokenResponse, type TokenResponse, toRecord, type UsableRecord } from './token-response.ts';
import { toAccessToken, usableRecord } from './usable-token.ts';

export interface SignInRequest {
  signIn: SignIn;
  reason: SignInContext['reason'];
  /** The `comparedToken` of the stored record that could not be used. A different one shows that another process has signed in. */
  seen: string | undefined;
  /** The count of sign-outs when the sign-in began. */
  signOuts: number;
  /** Set when the person is asked. */
  hasAsked: boolean;
  /** Called when the tokens are stored, which may be long before `signIn` ends. */
  onStored: (record: UsableRecord) => void;
}

/** With less than this share of the time left, a process that waited for the lock does not ask the person. */
const minTimeShare = 0.1;

const notFinished = 'sign-in was not finished';

/** An exchange with a deadline of its own gets this time to fail first: its error says more exactly what went wrong. */
const exchangeGraceMs = 1_000;

/** Signs in while no other process signs in under this name. Throws SharedTokenError, what `signIn` throws, or the signal's reason. */
export async function signInInTurn(
  keeper: RecordKeeper,
  request: SignInRequest,
  signal: AbortSignal,
): Promise<Obtained> {
  const { settings, emit } = keeper;
  const { signInTimeout } = settings;
  const end = performance.now() + signInTimeout;
  let started = false;
  let stored: TokenRecord | undefined;
  const inTurn = async (lock: Lock): Promise<Obtained> => {
    started = true;
    stored = await keeper.readAny();
    // A person who has just signed out is not asked.
    if (request.seen !== undefined && !stored) throw signInRequired('signed-out', settings);
    const found = await tokensFromOtherSignIn(keeper, request, signal, keeper.ours(stored));
    if (found) return found;
    const timeout = end - performance.now();
    if (timeout < signInTimeout * minTimeShare) throw timeoutError(notFinished, signInTimeout);
    // All callers have left, or a sign-out came.
    signal.throwIfAborted();
    // Another process may ask the person now.
    if (lock.signal.aborted) throw lockLostError(lock);
    request.hasAsked = true;
    return {
      type: 'token',
      record: await askPerson({ keeper, request, signal, lock, stored }, Math.ceil(timeout)),
      replaced: [],
    };
  };
  const turn = {
    name: signInLockName(settings.name),
    timeout: signInTimeout,
    signal,
    onWait: () => emit({ type: 'waiting', for: 'sign-in' }),
  };
  try {
    return await runExclusively(settings.store, turn, inTurn);
  } catch (error) {
    const cause = hasCode(error, 'STORE') ? (error as Error).cause : undefined;
    const isBusy = !started && hasCode(cause, 'STORE_BUSY');
    let failure = isBusy ? timeoutError(notFinished, signInTimeout, cause) : error;
    // After a sign-out, the error of the `signIn` that it has ended does not matter.
    if (request.signOuts !== keeper.signOuts) failure = signInRequired('signed-out', settings);
    emit({ type: 'sign-in-failed', error: describeError(failure, [request.seen, ...secretsOf(stored)]) }, failure);
    throw failure;
  }
}

/** The token of a sign-in that another process made while this one waited for the lock. */
async function tokensFromOtherSignIn(
  keeper: RecordKeeper,
  { reason, seen }: SignInRequest,
  signal: AbortSignal,
  record: TokenRecord | undefined,
): Promise<Obtained | undefined> {
  if (reason === 'requested' || !record || comparedToken(record) === seen) return undefined;
  // A short-lived token counts as well. Otherwise, each process that waited for the sign-in would refresh it, one after the other.
  const usable = usableRecord(record, keeper.acceptance.accepts);
  const outcome = usable
    ? useStored(keeper, usable, [])
    : await obtainSilently(keeper, { held: undefined, forced: false, signal });
  if (outcome.type === 'failed') throw outcome.error;
  if (outcome.type === 'token') return outcome;
  // The other sign-in was deleted already: no browser opens for a person who has just signed out.
  if (!outcome.record) throw outcome.error;
  return undefined;
}

function timeoutError(what: string, timeoutMs: number, cause?: unknown): SharedTokenError {
  const problem = `The ${what} within ${timeoutMs / 1000} s`;
  return new SharedTokenError('SIGN_IN_TIMEOUT', problem, { remedy: 'Sign in again', cause });
}

interface Attempt {
  readonly keeper: RecordKeeper;
  readonly request: SignInRequest;
  readonly signal: AbortSignal;
  readonly lock: Lock;
  readonly stored: TokenRecord | undefined;
}

/** One call of `signIn`, from asking the person to the stored record. `stored`: the record at the start, of any client. */
async function askPerson(attempt: Attempt, timeout: number): Promise<UsableRecord> {
  const { keeper, request, signal, lock, stored } = attempt;
  const { settings, emit, callUserCode } = keeper;
  const { signIn, reason } = request;
  const exchangeTimeout = settings.refreshTimeout + exchangeGraceMs;
  const stop = new AbortController();
  /** Settles when the callers must not wait any longer. */
  const late = Promise.withResolvers<UsableRecord>();
  late.promise.catch(() => {});
  let isLate = false;
  let deadline: NodeJS.Timeout | undefined;
  /** Ends the wait of the callers after so many milliseconds: with `kept` if it is given, otherwise with `why`. */
  const giveUpAfter = (milliseconds: number, why: unknown, kept?: UsableRecord): void => {
    clearTimeout(deadline);
    const giveUp = (): void => {
      stop.abort(why);
      if (kept) late.resolve(kept);
      late.reject(why);
    };
    // An exchange that begins after the wait has no callers, and its timer would keep the process alive.
    if (!isLate) deadline = setTimeout(giveUp, milliseconds);
  };
  const askedAt = Date.now();
  const keep = (response: unknown, exchangedAt?: number): Promise<UsableRecord> => {
    // The person and the provider are done. A slow store must not end the sign-in.
    clearTimeout(deadline);
    const tokens = readTokenResponse(response, exchangedAt ?? Date.now());
    // Later than the sign-in that this one replaces, whatever the clock says.
    const signedInAt = Math.max(exchangedAt ?? askedAt, (stored?.signedInAt ?? 0) + 1);
    return storeTokens(attempt, { ...toRecord(settings, tokens), signedInAt }, () => isLate || lock.signal.aborted);
  };

  /** The exchange of the person's answer, once it has begun. Its tokens or its error count even if `signIn` never ends. */
  let redemption: Promise<{ response: TokenResponse; kept: UsableRecord }> | undefined;
  let isExchanging = false;
  const redeem: SignInContext['redeem'] = async (exchange) => {
    redemption ??= (async () => {
      isExchanging = true;
      giveUpAfter(
        exchangeTimeout,
        timeoutError('exchange of the answer for tokens was not finished', settings.refreshTimeout),
      );
      const exchangedAt = Date.now();
      const response = await exchange();
      const kept = await keep(response, exchangedAt);
      giveUpAfter(exchangeTimeout, timeoutError(notFinished, settings.refreshTimeout), kept);
      return { response, kept };
    })()
      .catch((error: unknown) => {
        giveUpAfter(exchangeTimeout, error);
        throw error;
      })
      .finally(() => {
        isExchanging = false;
        if (signal.aborted) abort();
      });
    return (await redemption).response;
  };

  /** Stores the tokens of the answer, even if the answer comes too late for the callers. */
  const finish = async (answer: Promise<TokenResponse>): Promise<UsableRecord> => {
    await answer.catch(() => {});
    // Used even if `signIn` failed, because the code is spent.
    const redeemed = await redemption?.catch(() => undefined);
    return redeemed?.kept ?? keep(await answer);
  };

  // The last caller has aborted: `signIn` is asked to stop, and has `refreshTimeout` for it.
  const abort = (): void => {
    // The exchange request may use the signal, and an abort would lose the code that it spends.
    if (isExchanging) return;
    stop.abort(signal.reason);
    if (!redemption) giveUpAfter(exchangeTimeout, signal.reason);
  };
  emit({ type: 'sign-in-started', expiresAt: askedAt + timeout });
  // Its listener may have signed out.
  signal.throwIfAborted();
  giveUpAfter(timeout, timeoutError(notFinished, settings.signInTimeout));
  signal.addEventListener('abort', abort);
  const ours = keeper.ours(stored);
  const record = ours && { ...ours };
  const answer = callUserCode(async () => signIn({ signal: stop.signal, timeout, reason, record, redeem }));
  try {
    return await Promise.race([finish(answer), late.promise]);
  } finally {
    isLate = true;
    clearTimeout(deadline);
    signal.removeEventListener('abort', abort);
  }
}

/** Stores the record. Returns what the callers get: this record, or that of a newer sign-in. */
async function storeTokens(
  { keeper, request, lock, stored }: Attempt,
  record: UsableRecord,
  isLate: () => boolean,
): Promise<UsableRecord> {
  const { settings, emit, acceptance } = keeper;
  const { signOuts } = request;
  if (record.refreshToken === undefined) emit({ type: 'refresh-token-missing' });
  // After a sign-out, the record is not stored.
  const accept = signOuts === keeper.signOuts ? acceptance.signedIn(record, request.reason) : () => {};
  let isStored = false;
  try {
    isStored = await keeper.put(record, { signOuts, before: stored, isLate });
  } catch (error) {
    if (hasCode(error, 'SIGN_IN_REQUIRED')) revokeUnstored(keeper, record);
    throw error;
  } finally {
    accept(isStored);
  }
  if (!isStored) {
    const newer = usableRecord(await keeper.read(), acceptance.accepts);
    if (!newer) throw lockLostError(lock);
    return newer;
  }
  if (signOuts !== keeper.signOuts) throw signInRequired('signed-out', settings);
  // Before the event: its listener may sign out, and then no token may come into memory any more.
  request.onStored(record);
  emit({ type: 'signed-in', expiresAt: toAccessToken(record).expiresAt });
  return record;
}
