import { type Lock, pause, type TokenRecord } from 'token-store-kit';
import { exclusively } from './exclusively.ts';
import { inTime } from './in-time.ts';
import type { Settings } from './options.ts';
import { isSame, type Need, type Outcome, type StoredRecord } from './record.ts';
import { revokeUnstored } from './revoke.ts';
import {
  hasCode,
  isSignedOut,
  lockLostError,
  type SignInReason,
  signInRequired,
  tryAgainError,
} from './shared-token-error.ts';
import { describeError, secretsOf } from './shared-token-event.ts';
import { keepRefreshToken, readTokenResponse, toRecord } from './token-response.ts';
import { isStale, toAccessToken, type UsableRecord } from './usable-token.ts';

/** What a call needs of a token without asking a person. */
export interface SilentNeed extends Need {
  /** Whether an API has rejected `rejected` or, if that is not known yet, the token that the first read finds. */
  readonly isForced: boolean;
  rejected: string | undefined;
  /** Whether a refresh token that was refused may be sent again. */
  readonly resends: boolean;
  /** Whether a record was found: if there is none now, a person has signed out. */
  hasFound: boolean;
}

/** A further round is needed only after another process wrote the record without the lock. */
const maxRounds = 5;

/** A lock holder needs at most `refreshTimeout` for the refresh, and this time for its writes. */
const lockMarginMs = 5_000;

/** How long a `refresh` that ignores its signal is still waited for. */
const abortGraceMs = 1_000;

/** The least time between two reads of a record that another process refreshes. Without `changed`, the store is read at this interval. */
const lookIntervalMs = 50;

/** How long to wait for a change before the next read: a store may miss a change. */
const changeTimeoutMs = 5_000;

/** The default `refusedBecause` of a record without a refresh token (RFC 6750 section 3.1). */
const rejectedToken = 'invalid_token';

/**
 * The stored access token if it is good, else that of a refresh by this or another process. The signal ends the wait for another process; a
 * request that was sent is always finished and stored. Throws SIGN_IN_REQUIRED after a sign-out, or the signal's reason.
 */
export async function obtain(stored: StoredRecord, need: SilentNeed, signal: AbortSignal): Promise<Outcome> {
  const { settings, emit } = stored;
  try {
    await look(stored, need);
    return (await judge(stored, need)) ?? (await refreshOrWait(stored, need, signal));
  } catch (error) {
    // After an abort, for example by a sign-out, the error of the aborted refresh does not matter.
    if (signal.aborted) throw signal.reason;
    if (isSignedOut(error)) throw error;
    if (need.ahead && hasCode((Object(error) as Error).cause, 'STORE_BUSY')) throw error;
    // After a sign-out in another process, the old token must not be given out.
    const onFailure = (again: unknown): unknown => {
      if (isSignedOut(again)) throw again;
      return true;
    };
    if (!(await look(stored, need).catch(onFailure))) return needSignIn(settings, 'not-signed-in');
    const bridged = !need.isForced && stored.good({ skew: 0 }) !== undefined;
    emit({ type: 'refresh-failed', error: describeError(error, secretsOf(stored.held?.record)), bridged }, error);
    throw error;
  }
}

/** Reads the record. Throws SIGN_IN_REQUIRED if it was found before, and is gone. */
export async function look(stored: StoredRecord, need: SilentNeed): Promise<TokenRecord | undefined> {
  const record = await stored.read();
  if (!record && need.hasFound) throw signInRequired('signed-out', stored.settings);
  if (record) need.hasFound = true;
  // If nothing was given out, the call rejects what is stored.
  if (need.isForced) need.rejected ??= record?.accessToken ?? '';
  return record;
}

/** What the record says by itself. Undefined: it has to be refreshed. `before`: the record when the wait for the lock began. */
async function judge(stored: StoredRecord, need: SilentNeed, before?: TokenRecord): Promise<Outcome | undefined> {
  const { settings, ours: record } = stored;
  if (!record) return needSignIn(settings, 'not-signed-in');
  if (!stored.accepts(record)) return needSignIn(settings, 'not-accepted', record);
  const good = findGood(stored, need);
  if (good) return good;
  const { refusedAt, refreshToken } = record;
  // Perhaps another process was refused while this one waited.
  const resends = need.resends && refreshToken !== undefined && (!before || before.refusedAt === refusedAt);
  if (refusedAt !== undefined && !resends) return wasRefused(settings, record);
  if (refreshToken !== undefined) return undefined;
  if (!need.isForced || isStale(record, Date.now())) return needSignIn(settings, 'expired', record);
  // Other processes must not use the rejected token either.
  await markRefused(stored, record, rejectedToken);
  return wasRefused(settings, { ...record, refusedBecause: rejectedToken });
}

function findGood(stored: StoredRecord, need: SilentNeed): Outcome | undefined {
  const good = stored.good(need);
  if (good) stored.emit({ type: 'stored-token', expiresAt: good.token.expiresAt });
  return good && { type: 'token', record: good.record };
}

/**
 * Waits for the lock to refresh, and at the same time for the result of the lock holder. Otherwise, many waiting processes
 * would acquire the lock one after the other, only to find that nothing is left to do.
 */
async function refreshOrWait(stored: StoredRecord, need: SilentNeed, signal: AbortSignal): Promise<Outcome> {
  const { settings, emit, ours: before } = stored;
  const over = new AbortController();
  const came = new AbortController();
  let token: Outcome | undefined;
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted && !signal.aborted) {
      // The wait begins before the read, so that no change is missed.
      const change = waitForChange(settings, over.signal);
      await stored.read().catch(() => {});
      if (hasChanged(stored.ours, before)) token = findGood(stored, toItsEnd(need));
      if (token) return came.abort();
      await change;
    }
  };
  const turn = {
    name: settings.name,
    timeout: need.ahead ? 0 : settings.refreshTimeout + lockMarginMs,
    signal: AbortSignal.any([signal, came.signal]),
    onWait: () => {
      emit({ type: 'waiting', for: 'refresh' });
      watch().catch(() => {});
    },
  };
  try {
    return await exclusively<Outcome>(settings.store, turn, async (lock, leave) => {
      over.abort();
      const outcome = refreshInTurn({ stored, need, signal, before, lock });
      await outcome.catch(() => {});
      // The lock is kept until the record is stored: the next holder would send the refresh token that was spent.
      if (stored.pending) leave(outcome);
      await stored.pending;
      return outcome;
    });
  } catch (error) {
    if (token && error === came.signal.reason) return token;
    throw error;
  } finally {
    over.abort();
  }
}

interface Turn {
  readonly stored: StoredRecord;
  readonly need: SilentNeed;
  readonly signal: AbortSignal;
  /** The record when the wait for the lock began. */
  readonly before: TokenRecord | undefined;
  readonly lock: Lock;
}

/** The five steps under the lock: read, prove, refresh, advance, tell. */
async function refreshInTurn({ stored, need, signal, before, lock }: Turn): Promise<Outcome> {
  const { settings, emit } = stored;
  for (let round = 0; round < maxRounds; round++) {
    // 1. Read: what another process has stored meanwhile counts, even if it is short-lived.
    await look(stored, need);
    const found = await judge(stored, hasChanged(stored.ours, before) ? toItsEnd(need) : need, before);
    if (found) return found;
    const record = stored.ours as TokenRecord & { refreshToken: string };
    // 2. Prove that the store takes a write: a full disk must not cost the sign-in.
    if (!(await stored.prove(record))) continue;
    signal.throwIfAborted();
    if (lock.signal.aborted) throw lockLostError(lock);
    // 3. Refresh.
    emit({ type: 'refresh-started' });
    let answer: Answer;
    try {
      answer = await callRefresh(stored, record, lock);
    } catch (error) {
      if (!settings.needsSignIn(error)) throw error;
      await stored.read();
      if (!isSame(stored.ours, record)) continue;
      // The next holder of the lock may have spent this refresh token, and be about to store its successor.
      if (lock.signal.aborted) throw lockLostError(lock);
      await markRefused(stored, record, settings.describeRefusal(error));
      emit({ type: 'refresh-failed', error: describeError(error, secretsOf(record)), bridged: false }, error);
      return needSignIn(settings, 'refused', record, error);
    }
    // 4. Advance. Even an answer without a usable access token may have spent the refresh token.
    const { next, usable, error } = readAnswer(stored, answer, record);
    if (!next) throw error;
    const isNewest = await advance(stored, record, next, true);
    if (!usable) throw error;
    if (!isNewest) continue;
    // 5. Tell.
    const rotated = next.refreshToken !== record.refreshToken;
    emit({ type: 'refreshed', expiresAt: toAccessToken(usable).expiresAt, rotated });
    return { type: 'token', record: usable };
  }
  throw tryAgainError(`The record of ${JSON.stringify(settings.name)} keeps changing`);
}

/** What `refresh` resolved with, and when it was called. */
interface Answer {
  readonly response: unknown;
  readonly obtainedAt: number;
}

/**
 * Calls `refresh` with a deadline. If `refresh` ignores the deadline, this rejects, and the lock is released. A later answer
 * is still stored, unless another record has replaced this one.
 */
async function callRefresh(
  stored: StoredRecord,
  record: TokenRecord & { refreshToken: string },
  lock: Lock,
): Promise<Answer> {
  const { settings, outside } = stored;
  const obtainedAt = Date.now();
  const { refresh, refreshTimeout } = settings;
  const limit = new AbortController();
  const message = `refresh took longer than ${refreshTimeout} ms (refreshTimeout)`;
  const stop = (): unknown => {
    limit.abort(new DOMException(message, 'TimeoutError'));
    return limit.signal.reason;
  };
  const stopTimer = setTimeout(stop, refreshTimeout);
  const signal = AbortSignal.any([limit.signal, lock.signal]);
  const answer = outside(async () => refresh({ ...record }, { signal }));
  try {
    // When a stopped process continues, both timers are due, and this one may fire first.
    return { response: await inTime(refreshTimeout + abortGraceMs, answer, stop), obtainedAt };
  } catch (error) {
    const storeLate = (response: unknown): void => {
      const { next } = readAnswer(stored, { response, obtainedAt }, record);
      if (next) void outside(() => advance(stored, record, next, false));
    };
    answer.then(storeLate, () => {});
    // `fetch` rejects with the reason itself. Node's own functions wrap the reason as the cause.
    const reasons = [error, (Object(error) as Error).cause];
    if (lock.signal.aborted && reasons.includes(lock.signal.reason)) throw lockLostError(lock);
    throw error;
  } finally {
    clearTimeout(stopTimer);
  }
}

/** The record to store, if there is one. If it has no usable access token, `error` says why. */
function readAnswer(
  { settings }: StoredRecord,
  { response, obtainedAt }: Answer,
  record: TokenRecord,
): { next: TokenRecord | undefined; usable?: UsableRecord; error?: unknown } {
  try {
    const usable = toRecord(settings, readTokenResponse(response, obtainedAt), record);
    return { next: usable, usable };
  } catch (error) {
    return { next: keepRefreshToken(response, obtainedAt, record), error };
  }
}

/** Stores the result of a refresh. False if a newer record is stored, or a sign-out came, which revokes a new refresh token. */
async function advance(
  stored: StoredRecord,
  record: TokenRecord,
  next: TokenRecord,
  isLocked: boolean,
): Promise<boolean> {
  const isNewest = await stored.advance(record, next, { isLocked });
  // An unchanged one is revoked by the sign-out itself, or the record has moved to another store.
  if (!isNewest && next.refreshToken !== record.refreshToken) stored.closeAfter(revokeUnstored(stored, next));
  return isNewest;
}

/** Marks the record as refused, unless it has a mark. */
async function markRefused(stored: StoredRecord, record: TokenRecord, because: string): Promise<void> {
  const mark = { refusedAt: Date.now(), refusedBecause: String(because).toWellFormed() };
  if (record.refusedAt === undefined) await stored.advance(record, { ...record, ...mark }, { isLocked: true });
}

function hasChanged(record: TokenRecord | undefined, before: TokenRecord | undefined): boolean {
  return record?.accessToken !== before?.accessToken;
}

/** For a token that another process has just stored. */
function toItsEnd(need: SilentNeed): SilentNeed {
  return { ...need, skew: 0, minValid: 0, ahead: 0 };
}

/** Resolves when the record may have changed, or the signal aborts. Never resolves at once, or the loop would block the process. */
function waitForChange({ store, name }: Settings, signal: AbortSignal): Promise<unknown> {
  const change = store.changed?.(name, { timeout: changeTimeoutMs, signal });
  return Promise.allSettled([change, pause(lookIntervalMs, [signal])]);
}

function needSignIn(settings: Settings, reason: SignInReason, record?: TokenRecord, cause?: unknown): Outcome {
  return { type: 'sign-in', error: signInRequired(reason, settings, cause), reason, record };
}

/** The provider would refuse the refresh token of this record again. */
function wasRefused(settings: Settings, record: TokenRecord): Outcome {
  return needSignIn(settings, 'refused', record, new Error(record.refusedBecause));
}
