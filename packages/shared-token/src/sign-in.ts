import { type Lock, signInLockName, type TokenRecord } from 'token-store-kit';
import { exclusively } from './exclusively.ts';
import type { SignIn, SignInContext, TokenResponse } from './options.ts';
import type { Outcome, StoredRecord } from './record.ts';
import { revokeUnstored } from './revoke.ts';
import { hasCode, lockLostError, SharedTokenError, signInRequired, tryAgainError } from './shared-token-error.ts';
import { describeError, secretsOf } from './shared-token-event.ts';
import { readTokenResponse, toRecord } from './token-response.ts';
import { toAccessToken, type UsableRecord } from './usable-token.ts';

export interface SignInRequest {
  readonly signIn: SignIn;
  readonly reason: SignInContext['reason'];
  /** Whether the record gives a token by now: another process may have signed in. Not for `requested`. */
  readonly lookAgain: (signal: AbortSignal) => Promise<Outcome | undefined>;
  /** Called when the person is asked. */
  readonly onAsk: () => void;
  /** Called when the tokens are stored, which may be long before `signIn` ends. */
  readonly onStored: () => void;
}

/** With less than this share of the time left, a process that waited for the lock does not ask the person. */
const minTimeShare = 0.1;

/** An exchange with a deadline of its own gets this time to fail first: its error says more exactly what went wrong. */
const exchangeGraceMs = 1_000;

const notFinished = 'sign-in was not finished';

/** Signs in while no other process signs in under this name. Throws SharedTokenError, what `signIn` throws, or the signal's reason. */
export async function signInInTurn(
  stored: StoredRecord,
  request: SignInRequest,
  signal: AbortSignal,
): Promise<UsableRecord> {
  const { settings, emit, signOuts } = stored;
  const { signInTimeout, store, name } = settings;
  const end = performance.now() + signInTimeout;
  let started = false;
  let before: TokenRecord | undefined;
  const inTurn = async (lock: Lock): Promise<UsableRecord> => {
    started = true;
    const outcome = await request.lookAgain(signal);
    if (outcome?.type === 'token') return outcome.record;
    before = outcome ? stored.held?.record : await stored.read();
    const timeout = end - performance.now();
    if (timeout < signInTimeout * minTimeShare) throw timeoutError(notFinished, signInTimeout);
    // All callers have left, or a sign-out came.
    signal.throwIfAborted();
    // Another process may ask the person now.
    if (lock.signal.aborted) throw lockLostError(lock);
    request.onAsk();
    return askPerson({ stored, request, signal, before, signOuts }, Math.ceil(timeout));
  };
  const onWait = (): void => emit({ type: 'waiting', for: 'sign-in' });
  try {
    return await exclusively(store, { name: signInLockName(name), timeout: signInTimeout, signal, onWait }, inTurn);
  } catch (error) {
    const cause = hasCode(error, 'STORE') ? (error as Error).cause : undefined;
    const isBusy = !started && hasCode(cause, 'STORE_BUSY');
    let failure = isBusy ? timeoutError(notFinished, signInTimeout, cause) : error;
    // After a sign-out, the error of the `signIn` that it has ended does not matter.
    if (signOuts !== stored.signOuts) failure = signInRequired('signed-out', settings);
    emit({ type: 'sign-in-failed', error: describeError(failure, secretsOf(before ?? stored.held?.record)) }, failure);
    throw failure;
  }
}

function timeoutError(what: string, timeoutMs: number, cause?: unknown): SharedTokenError {
  const problem = `The ${what} within ${timeoutMs / 1000} s`;
  return new SharedTokenError('SIGN_IN_TIMEOUT', problem, { remedy: 'Sign in again', cause });
}

interface Attempt {
  readonly stored: StoredRecord;
  readonly request: SignInRequest;
  readonly signal: AbortSignal;
  /** The record when the person was asked, of any client. */
  readonly before: TokenRecord | undefined;
  readonly signOuts: number;
}

/**
 * `asking`: the person has not answered. `redeeming`: the answer is exchanged for tokens, which nothing may interrupt. `storing`: the tokens
 * are written. `ending`: `signIn` may still show its page, or was asked to stop. `over`: no caller waits.
 */
type Step = 'asking' | 'redeeming' | 'storing' | 'ending' | 'over';

/** One call of `signIn`, from asking the person to the stored record. */
async function askPerson(attempt: Attempt, timeout: number): Promise<UsableRecord> {
  const { stored, request, signal, before } = attempt;
  const { settings, emit, outside } = stored;
  const { refreshTimeout, signInTimeout } = settings;
  const exchangeTimeout = refreshTimeout + exchangeGraceMs;
  const stop = new AbortController();
  const left = Promise.withResolvers<UsableRecord>();
  left.promise.catch(() => {});
  let step: Step = 'asking';
  let deadline: NodeJS.Timeout | undefined;
  /** The next step. After `limitMs`, `signIn` is asked to stop, and the callers leave with `result`. */
  const enter = (next: Step, limitMs: number, result: Promise<UsableRecord>): void => {
    result.catch(() => {});
    if (step === 'over') return;
    step = next;
    clearTimeout(deadline);
    const leave = (): void => {
      result.catch((why: unknown) => stop.abort(why));
      result.then(
        () => stop.abort(timeoutError(notFinished, refreshTimeout)),
        () => {},
      );
      left.resolve(result);
    };
    if (limitMs < Number.POSITIVE_INFINITY) deadline = setTimeout(leave, limitMs);
    if (next === 'ending' && signal.aborted) stop.abort(signal.reason);
  };
  const abort = (): void => {
    if (step === 'asking') enter('ending', exchangeTimeout, Promise.reject(signal.reason));
    else if (step === 'ending') stop.abort(signal.reason);
  };
  const askedAt = Date.now();
  const keep = (response: unknown, exchangedAt?: number): Promise<UsableRecord> => {
    // The person and the provider are done. A slow store must not end the sign-in.
    enter('storing', Number.POSITIVE_INFINITY, left.promise);
    const tokens = readTokenResponse(response, exchangedAt ?? Date.now());
    // Later than the sign-in that this one replaces, whatever the clock says.
    const signedInAt = Math.max(exchangedAt ?? askedAt, (before?.signedInAt ?? 0) + 1);
    return store(attempt, { ...toRecord(settings, tokens), signedInAt });
  };

  /** The exchange of the person's answer, once it has begun. Its tokens or its error count even if `signIn` never ends. */
  let redemption: Promise<{ response: TokenResponse; kept: UsableRecord }> | undefined;
  const redeem: SignInContext['redeem'] = async (exchange) => {
    redemption ??= (async () => {
      const tooLate = timeoutError('exchange of the answer for tokens was not finished', refreshTimeout);
      enter('redeeming', exchangeTimeout, Promise.reject(tooLate));
      try {
        const exchangedAt = Date.now();
        const response = await exchange();
        const kept = await keep(response, exchangedAt);
        enter('ending', exchangeTimeout, Promise.resolve(kept));
        return { response, kept };
      } catch (error) {
        enter('ending', exchangeTimeout, Promise.reject(error));
        throw error;
      }
    })();
    return (await redemption).response;
  };

  /** Stores the tokens of the answer, even if the answer comes too late for the callers. */
  const finish = async (answer: Promise<TokenResponse>): Promise<UsableRecord> => {
    await answer.catch(() => {});
    // Used even if `signIn` failed, because the code is spent.
    const redeemed = await redemption?.catch(() => undefined);
    return redeemed?.kept ?? keep(await answer);
  };

  emit({ type: 'sign-in-started', expiresAt: askedAt + timeout });
  // Its listener may have signed out.
  signal.throwIfAborted();
  enter('asking', timeout, Promise.reject(timeoutError(notFinished, signInTimeout)));
  signal.addEventListener('abort', abort);
  const { ours } = stored;
  const context = { signal: stop.signal, timeout, reason: request.reason, record: ours && { ...ours }, redeem };
  const answer = outside(async () => request.signIn(context));
  try {
    const record = await Promise.race([finish(answer), left.promise]);
    // It may have been refreshed since.
    return stored.good({ skew: 0 })?.record ?? record;
  } finally {
    step = 'over';
    clearTimeout(deadline);
    signal.removeEventListener('abort', abort);
  }
}

/** Stores the record. Resolves with what the callers get: this record, or that of a newer sign-in. */
async function store({ stored, request, before, signOuts }: Attempt, record: UsableRecord): Promise<UsableRecord> {
  const { settings, emit } = stored;
  if (record.refreshToken === undefined) emit({ type: 'refresh-token-missing' });
  let isLess = false;
  try {
    isLess = !settings.accepts(record);
  } catch {
    // The person's sign-in must not be lost because of this error. The call gets the error when it uses `accepts` itself.
  }
  const signIn = { isLess, isStepUp: request.reason === 'not-accepted' };
  const isStored = signOuts === stored.signOuts && (await stored.advance(before, record, { signIn }));
  if (!isStored && signOuts === stored.signOuts && stored.held) {
    const newer = stored.good({ skew: 0 });
    if (!newer) throw tryAgainError('Another program has stored another sign-in');
    return newer.record;
  }
  if (!isStored || signOuts !== stored.signOuts) {
    stored.closeAfter(revokeUnstored(stored, record));
    throw signInRequired('signed-out', settings);
  }
  // Before the event: its listener may sign out.
  request.onStored();
  emit({ type: 'signed-in', expiresAt: toAccessToken(record).expiresAt });
  return record;
}
