import { type Lock, signInLockName, type TokenRecord } from 'token-store-kit';
import type { SignIn, SignInContext } from './options.ts';
import { type FlowContext, obtainSilently } from './refresh.ts';
import { hasCode, lockLostError, SharedTokenError, signInRequired } from './shared-token-error.ts';
import { describeError, secretsOf } from './shared-token-event.ts';
import { type AccessToken, readTokenResponse, type TokenResponse, type TokenSet, toRecord } from './token-response.ts';
import { usableToken } from './usable-token.ts';

export interface SignInRequest {
  signIn: SignIn;
  reason: SignInContext['reason'];
  /** The stored refresh token that was of no use. Another one means that another process has signed in. */
  seen: string | undefined;
  signal: AbortSignal;
  /** How many sign-outs there had been when it began. */
  signOuts: number;
}

/** With less than this share of the time left, a process that waited for the lock opens no further window. */
const minTimeShare = 0.1;

/** An exchange with a deadline of its own tells more exactly what went wrong. */
const exchangeGraceMs = 1_000;

/** Signs in while no other process does under this name. Throws SharedTokenError, what `signIn` throws, or the signal's reason. */
export async function signInInTurn(context: FlowContext, request: SignInRequest): Promise<AccessToken> {
  const { settings, keeper, emit } = context;
  const { signInTimeout } = settings;
  const end = performance.now() + signInTimeout;
  let started = false;
  let stored: TokenRecord | undefined;
  const inTurn = async (lock: Lock): Promise<AccessToken> => {
    started = true;
    stored = await keeper.readAny();
    // No person who has just signed out is asked.
    if (request.seen !== undefined && !stored) throw signInRequired('signed-out', settings);
    const found = await tokensFromOtherSignIn(context, request, keeper.ours(stored));
    if (found) return found;
    const timeout = end - performance.now();
    if (timeout < signInTimeout * minTimeShare) throw timeoutError(signInTimeout);
    // All callers have left, or a sign-out came.
    request.signal.throwIfAborted();
    // Another process may open its window.
    if (lock.signal.aborted) throw lockLostError(lock);
    return new SignInAttempt(context, request, lock, stored).run(Math.ceil(timeout));
  };
  try {
    return await keeper.exclusively(signInLockName(settings.name), inTurn, {
      timeout: signInTimeout,
      signal: request.signal,
      onWait: () => emit({ type: 'waiting', for: 'sign-in' }),
    });
  } catch (error) {
    const cause = hasCode(error, 'STORE') ? (error as Error).cause : undefined;
    const failure = !started && hasCode(cause, 'STORE_BUSY') ? timeoutError(signInTimeout, cause) : error;
    emit({ type: 'sign-in-failed', error: describeError(failure, [request.seen, ...secretsOf(stored)]) }, failure);
    throw failure;
  }
}

/** The token of a sign-in that another process made while this one waited for the lock. */
async function tokensFromOtherSignIn(
  context: FlowContext,
  { reason, seen, signal }: SignInRequest,
  record: TokenRecord | undefined,
): Promise<AccessToken | undefined> {
  const { settings, emit } = context;
  if (reason === 'requested' || !record || record.refreshToken === seen) return undefined;
  // Also if it is short-lived: otherwise each process that waited for the sign-in would refresh it, one after the other.
  const token = usableToken(record, settings.accepts, { skew: 0 });
  if (token) {
    emit({ type: 'stored-token', expiresAt: token.expiresAt });
    return token;
  }
  const outcome = await obtainSilently(context, { held: undefined, forced: false, signal });
  if (outcome.type === 'failed') throw outcome.error;
  if (outcome.type === 'token') return outcome.token;
  // The other sign-in is gone already: no browser opens for a person who has just signed out.
  if (!outcome.record) throw outcome.error;
  return undefined;
}

function timeoutError(timeoutMs: number, cause?: unknown): SharedTokenError {
  const problem = `The sign-in was not finished within ${timeoutMs / 1000} s`;
  return new SharedTokenError('SIGN_IN_TIMEOUT', problem, { remedy: 'Sign in again', cause });
}

/** One call of `signIn`, from asking the person to the stored record. */
class SignInAttempt {
  readonly #context: FlowContext;
  readonly #request: SignInRequest;
  readonly #lock: Lock;
  /** The record at the start, of whichever client. */
  readonly #stored: TokenRecord | undefined;
  /** The person's answer is being exchanged, or was. */
  #redemption: Promise<{ response: TokenResponse; token: AccessToken }> | undefined;
  readonly #stop = new AbortController();
  /** Rejects when the callers are not to wait any longer. */
  readonly #deadline = Promise.withResolvers<never>();
  #deadlineTimer: NodeJS.Timeout | undefined;
  /** The callers do not wait any more. */
  #isLate = false;

  constructor(context: FlowContext, request: SignInRequest, lock: Lock, stored: TokenRecord | undefined) {
    this.#context = context;
    this.#request = request;
    this.#lock = lock;
    this.#stored = stored;
    this.#deadline.promise.catch(() => {});
  }

  async run(timeout: number): Promise<AccessToken> {
    const { emit, settings, callUserCode } = this.#context;
    const { signIn, reason, signal } = this.#request;
    emit({ type: 'sign-in-started', expiresAt: Date.now() + timeout });
    const onAbort = (): void => this.#abort(signal.reason);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    else this.#setDeadline(timeout, () => this.#giveUp(timeoutError(settings.signInTimeout)));
    const redeem: SignInContext['redeem'] = (exchange) => this.#redeem(exchange);
    const ours = this.#context.keeper.ours(this.#stored);
    const record = ours && { ...ours };
    const answer = callUserCode(async () => signIn({ signal: this.#stop.signal, timeout, reason, record, redeem }));
    try {
      return await Promise.race([this.#finish(answer), this.#deadline.promise]);
    } finally {
      clearTimeout(this.#deadlineTimer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** The tokens of the answer, stored. An answer that comes too late for the callers is stored as well. */
  async #finish(answer: Promise<TokenResponse>): Promise<AccessToken> {
    const response = await answer.catch((error: unknown) => {
      // `signIn` failed, but its exchange goes on: the code is spent, so wait for the exchange.
      if (!this.#redemption) throw error;
      return undefined;
    });
    if (this.#redemption) return (await this.#redemption).token;
    return this.#keep(readTokenResponse(response, Date.now()));
  }

  async #redeem(exchange: () => Promise<TokenResponse>): Promise<TokenResponse> {
    this.#redemption ??= this.#exchange(exchange);
    return (await this.#redemption).response;
  }

  async #exchange(exchange: () => Promise<TokenResponse>): Promise<{ response: TokenResponse; token: AccessToken }> {
    const { refreshTimeout } = this.#context.settings;
    const problem = `The answer was not exchanged for tokens within ${refreshTimeout / 1000} s`;
    this.#setDeadline(refreshTimeout + exchangeGraceMs, () => {
      this.#giveUp(new SharedTokenError('SIGN_IN_TIMEOUT', problem, { remedy: 'Sign in again' }));
    });
    const obtainedAt = Date.now();
    const response = await exchange();
    return { response, token: await this.#keep(readTokenResponse(response, obtainedAt)) };
  }

  /** Stores the tokens, and returns what the callers get: these, or those of a newer sign-in. */
  async #keep(tokens: TokenSet): Promise<AccessToken> {
    const { settings, keeper, emit } = this.#context;
    const { signOuts } = this.#request;
    const record = toRecord(settings, tokens);
    if (!record) emit({ type: 'refresh-token-missing' });
    else {
      const isLate = (): boolean => this.#isLate || this.#lock.signal.aborted;
      if (!(await keeper.put(record, { signOuts, before: this.#stored, isLate }))) return this.#newerToken();
    }
    if (signOuts !== keeper.signOuts) throw signInRequired('signed-out', settings);
    emit({ type: 'signed-in', expiresAt: tokens.expiresAt });
    return tokens;
  }

  async #newerToken(): Promise<AccessToken> {
    const { settings, keeper } = this.#context;
    const token = usableToken(await keeper.read(), settings.accepts, { skew: 0 });
    if (!token) throw lockLostError(this.#lock);
    return token;
  }

  /** The last caller has let go: `signIn` is asked to stop. If it is in the middle of something, it has `refreshTimeout`. */
  #abort(reason: unknown): void {
    this.#stop.abort(reason);
    if (this.#redemption) return;
    this.#setDeadline(this.#context.settings.refreshTimeout + exchangeGraceMs, () => this.#giveUp(reason));
  }

  #giveUp(reason: unknown): void {
    this.#isLate = true;
    this.#stop.abort(reason);
    this.#deadline.reject(reason);
  }

  #setDeadline(milliseconds: number, onLate: () => void): void {
    clearTimeout(this.#deadlineTimer);
    this.#deadlineTimer = setTimeout(onLate, milliseconds);
  }
}
