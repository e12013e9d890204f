import type { Lock, TokenRecord } from 'token-store-kit';
import { inTime } from './in-time.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { revokeUnstored } from './revoke.ts';
import { lockLostError } from './shared-token-error.ts';
import { describeError, secretsOf } from './shared-token-event.ts';
import { needSignIn, type Obtained, type SilentOutcome } from './silent-outcome.ts';
import { keepRefreshToken, readTokenResponse, toRecord, type UsableRecord } from './token-response.ts';
import { toAccessToken } from './usable-token.ts';

/** How long a `refresh` that ignores its signal is still waited for. */
const abortGraceMs = 1_000;

/** undefined: another record is stored by now. `replaced`: the list for the outcome, with the access token of `record`. */
export async function refreshOnce(
  keeper: RecordKeeper,
  record: TokenRecord,
  lock: Lock,
  replaced: Obtained['replaced'],
): Promise<SilentOutcome | undefined> {
  const { settings, emit } = keeper;
  const { refreshToken } = record;
  if (refreshToken === undefined) return needSignIn(settings, 'expired', record);
  emit({ type: 'refresh-started' });
  let answer: Answer;
  try {
    answer = await callRefresh(keeper, { ...record, refreshToken }, lock);
  } catch (error) {
    if (!settings.needsSignIn(error)) throw error;
    const now = await keeper.read();
    // If the provider keeps its refresh tokens, the access token tells.
    const isSame = now?.refreshToken === refreshToken && now.accessToken === record.accessToken;
    if (!isSame) return undefined;
    // The next holder of the lock may have spent this refresh token, and be about to store its successor.
    if (lock.signal.aborted) throw lockLostError(lock);
    await keeper.markRefused(record, settings.describeRefusal(error));
    emit({ type: 'refresh-failed', error: describeError(error, secretsOf(record)), bridged: false }, error);
    return needSignIn(settings, 'refused', record, error);
  }
  const next = await storeAnswer(keeper, answer, record, lock);
  if (!next) return undefined;
  emit({
    type: 'refreshed',
    expiresAt: toAccessToken(next).expiresAt,
    rotated: next.refreshToken !== record.refreshToken,
  });
  return { type: 'token', record: next, replaced };
}

/** What `refresh` resolved with, when it was called, and the count of sign-outs at that time. */
interface Answer {
  readonly response: unknown;
  readonly obtainedAt: number;
  readonly signOuts: number;
}

/** Undefined if a newer record is known. Throws RESPONSE only after the new refresh token is stored, because the old one may be spent. */
async function storeAnswer(
  keeper: RecordKeeper,
  { response, obtainedAt, signOuts }: Answer,
  record: TokenRecord,
  lock?: Lock,
): Promise<UsableRecord | undefined> {
  const store = async (next: TokenRecord): Promise<boolean> => {
    const isStored = await keeper.advance({ before: record, record: next }, lock, keeper.signOuts);
    // A sign-out that began meanwhile may delete the record even if it was stored. An unchanged refresh token is not revoked here: either
    // the sign-out revokes it with the deleted record, or it has moved to another store.
    const mayBeGone = !isStored || signOuts !== keeper.signOuts;
    if (mayBeGone && next.refreshToken !== record.refreshToken) revokeUnstored(keeper, next);
    return isStored;
  };
  let next: UsableRecord;
  try {
    next = toRecord(keeper.settings, readTokenResponse(response, obtainedAt), record);
  } catch (error) {
    const kept = keepRefreshToken(response, obtainedAt, record);
    if (kept) await store(kept);
    throw error;
  }
  return (await store(next)) ? next : undefined;
}

/**
 * Calls `refresh` with a deadline. If `refresh` ignores the deadline, this rejects, and the lock is released. A later answer
 * is still stored, unless another record has replaced this one.
 */
async function callRefresh(
  keeper: RecordKeeper,
  record: TokenRecord & { refreshToken: string },
  lock: Lock,
): Promise<Answer> {
  const { settings, callUserCode, signOuts } = keeper;
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
  const answer = callUserCode(async () => refresh({ ...record }, { signal }));
  try {
    // When a stopped process continues, both timers are due, and this one may fire first.
    return { response: await inTime(refreshTimeout + abortGraceMs, answer, stop), obtainedAt, signOuts };
  } catch (error) {
    // `fetch` rejects with the reason itself. Node's own functions wrap the reason as the cause.
    const reasons = [error, (Object(error) as Error).cause];
    if (lock.signal.aborted && reasons.includes(lock.signal.reason)) throw lockLostError(lock);
    answer.then((response) => storeAnswer(keeper, { response, obtainedAt, signOuts }, record)).catch(() => {});
    throw error;
  } finally {
    clearTimeout(stopTimer);
  }
}
