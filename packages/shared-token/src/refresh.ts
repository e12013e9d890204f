import { type Lock, pause, type TokenRecord } from 'token-store-kit';
import type { Settings } from './options.ts';
import { maxRounds, type RecordKeeper } from './record-keeper.ts';
import { refreshOnce } from './refresh-once.ts';
import { runExclusively } from './run-exclusively.ts';
import { hasCode, lockLostError, type SharedTokenError, signInRequired, tryAgainError } from './shared-token-error.ts';
import { describeError, secretsOf } from './shared-token-event.ts';
import { needSignIn, type SilentOutcome, useStored, wasRefused } from './silent-outcome.ts';
import type { UsableRecord } from './token-response.ts';
import { usableRecord } from './usable-token.ts';

/** What a call that needs a token knows and demands. */
export interface Need {
  /** The record that was in memory. */
  readonly held: UsableRecord | undefined;
  /** True if the API rejected the held token, or the stored one if none is held. */
  readonly forced: boolean;
  /** Whether a refresh token that was refused is sent again. Default: as `forced`. */
  readonly resends?: boolean;
  /** In milliseconds. Default 0. */
  readonly minValid?: number;
  /** Whether the call has found a sign-in before. If nothing is stored now, a sign-out came in between. */
  readonly hasFound?: boolean;
}

export interface SilentRequest extends Need {
  /** For a refresh ahead: how long before the skew it may come. It does not wait for a process that holds the lock. */
  ahead?: number | undefined;
  /** Receives the record that callers may get while the store is silent. */
  bridge?: { record: UsableRecord | undefined };
  /** Ends the wait for another process. A refresh request that was sent is always finished and stored. */
  signal: AbortSignal;
}

/** A lock holder needs at most `refreshTimeout` for the refresh, and this time for its writes. */
const lockMarginMs = 5_000;

/** The least time between two reads of a record that another process refreshes. Without `changed`, the store is read at this interval. */
const lookIntervalMs = 50;

/** The default `refusedBecause` of a record without a refresh token (RFC 6750 section 3.1). */
const rejectedToken = 'invalid_token';

/** How long to wait for a change before the next read: a store may miss a change. */
const changeTimeoutMs = 5_000;

/**
 * 1. Returns the stored access token, if it is good. 2. Otherwise refreshes it, or waits for a refresh by another process. 3. If that
 * fails, returns the error, together with the old token while it is valid.
 *
 * Rejects with SIGN_IN_REQUIRED after a sign-out, or with the signal's reason.
 */
export async function obtainSilently(keeper: RecordKeeper, request: SilentRequest): Promise<SilentOutcome> {
  const { settings, emit } = keeper;
  const { accepts } = keeper.acceptance;
  const { held, forced, resends = forced, minValid, hasFound, ahead, signal } = request;
  const replaced = [held?.accessToken];
  let first: TokenRecord | undefined;
  try {
    const newest = await keeper.readAny();
    if (!newest && hasFound) throw signInRequired('signed-out', settings);
    first = keeper.ours(newest);
    const stored = usableRecord(first, accepts, { skew: settings.expirySkew, minValid, ahead });
    const isRejected = forced && (!held || stored?.accessToken === held.accessToken);
    if (stored && !isRejected) return useStored(keeper, stored, replaced);
    if (!first) return needSignIn(settings, 'not-signed-in');
    if (!accepts(first)) return needSignIn(settings, 'not-accepted', first);
    if (first.refusedAt !== undefined && !resends) return wasRefused(settings, first);
    if (first.refreshToken === undefined) return await endSignIn(keeper, first, stored !== undefined);
    if (request.bridge) request.bridge.record = usableRecord(first, accepts);
    replaced.push(first.accessToken);
    return await refreshOrWait(keeper, first, request, replaced);
  } catch (error) {
    // After an abort, for example by a sign-out, the error of the aborted refresh does not matter.
    if (signal.aborted) throw signal.reason;
    if ((Object(error) as SharedTokenError).reason === 'signed-out') throw error;
    if (ahead && hasCode((Object(error) as Error).cause, 'STORE_BUSY'))
      return { type: 'failed', error, bridge: undefined };
    // After a sign-out in the meantime, the old token must not be given out, nor one that another call has read before.
    const known = first ?? held;
    // `{}` stands for an unknown record: the store cannot be read.
    const now = await keeper.readAny().catch((): TokenRecord => known ?? {});
    if (known && !now) throw signInRequired('signed-out', settings);
    if (!now) return needSignIn(settings, 'not-signed-in');
    const bridge = usableRecord(keeper.ours(now), accepts) ?? usableRecord(held, accepts);
    const told = describeError(error, [...secretsOf(first), ...secretsOf(now), held?.accessToken]);
    emit({ type: 'refresh-failed', error: told, bridged: bridge !== undefined && !forced }, error);
    return { type: 'failed', error, bridge };
  }
}

/** For a record without a refresh token. If an API rejected the access token, other processes must not use it either. */
async function endSignIn(keeper: RecordKeeper, record: TokenRecord, isRejected: boolean): Promise<SilentOutcome> {
  const { settings } = keeper;
  if (isRejected) {
    // The mark would be lost if the record itself were still a pending write.
    await keeper.payAgain();
    await keeper.markRefused(record, rejectedToken);
  }
  if (!isRejected && record.refusedAt === undefined) return needSignIn(settings, 'expired', record);
  return wasRefused(settings, { ...record, refusedBecause: record.refusedBecause ?? rejectedToken });
}

/**
 * Waits for the lock to refresh, and at the same time for the result of the lock holder. Otherwise, many waiting processes
 * would acquire the lock one after the other, only to find that nothing is left to do.
 */
async function refreshOrWait(
  keeper: RecordKeeper,
  first: TokenRecord,
  request: SilentRequest,
  replaced: (string | undefined)[],
): Promise<SilentOutcome> {
  const { settings, emit, acceptance } = keeper;
  const found = new AbortController();
  const waited = new AbortController();
  let token: UsableRecord | undefined;
  const watch = async (): Promise<void> => {
    while (!waited.signal.aborted && !request.signal.aborted && !token) {
      // The wait begins before the read, so that no change is missed.
      const change = waitForChange(settings, waited.signal);
      const record = await keeper.read().catch(() => first);
      // It came during the wait.
      if (record && !replaced.includes(record.accessToken)) token = usableRecord(record, acceptance.accepts);
      if (!token) await change;
    }
    if (token) found.abort();
  };
  const refresh = (lock: Lock): Promise<SilentOutcome> => {
    waited.abort();
    return refreshInTurn(keeper, first, request, lock, replaced);
  };
  const turn = {
    name: settings.name,
    timeout: request.ahead ? 0 : settings.refreshTimeout + lockMarginMs,
    signal: AbortSignal.any([request.signal, found.signal]),
    onWait: () => {
      emit({ type: 'waiting', for: 'refresh' });
      watch().catch(() => {});
    },
  };
  try {
    return await runExclusively(settings.store, turn, refresh);
  } catch (error) {
    if (!token || error !== found.signal.reason) throw error;
    return useStored(keeper, token, replaced);
  } finally {
    waited.abort();
  }
}

/** Resolves when the record may have changed, or the signal aborts. Never resolves at once, or the loop would block the process. */
function waitForChange({ store, name }: Settings, signal: AbortSignal): Promise<unknown> {
  const change = store.changed?.(name, { timeout: changeTimeoutMs, signal });
  return Promise.allSettled([change, pause(lookIntervalMs, [signal])]);
}

async function refreshInTurn(
  keeper: RecordKeeper,
  first: TokenRecord,
  request: SilentRequest,
  lock: Lock,
  replaced: (string | undefined)[],
): Promise<SilentOutcome> {
  const { settings, acceptance } = keeper;
  const { forced, minValid, ahead, signal } = request;
  for (let round = 0; round < maxRounds; round++) {
    const newest = await keeper.readAny();
    // Thrown, not returned, so that no browser opens for a person who has just signed out.
    if (!newest) throw signInRequired('signed-out', settings);
    const record = keeper.ours(newest);
    if (!record) return needSignIn(settings, 'not-signed-in');
    if (!acceptance.accepts(record)) return needSignIn(settings, 'not-accepted', record);
    // A token that came while this caller waited counts even if it is short-lived.
    const hasCome = !replaced.includes(record.accessToken);
    const validity = hasCome ? { skew: 0 } : { skew: settings.expirySkew, minValid, ahead };
    const stored = usableRecord(record, () => true, validity);
    if (stored && (hasCome || !forced)) return useStored(keeper, stored, replaced);
    // Another process was refused while this one waited.
    if (record.refusedAt !== undefined && first.refusedAt === undefined) return wasRefused(settings, record);
    const isWritable = await keeper.ensureWritable(record, lock);
    signal.throwIfAborted();
    if (lock.signal.aborted) throw lockLostError(lock);
    if (!isWritable) continue;
    replaced.push(record.accessToken);
    const outcome = await refreshOnce(keeper, record, lock, replaced);
    if (outcome) return outcome;
  }
  throw tryAgainError(`The record of ${JSON.stringify(settings.name)} keeps changing`);
}
