import type { Instance, RefreshCall } from '../facts.ts';
import type { History } from '../history.ts';
import { refreshTimeoutMs } from '../models/user-code.ts';
import type { Invariants } from './invariant.ts';
import { doClocksDiffer, hadNoAnswer, isHeld, isOf, mayGoOn, neededMs, otherUnderWay } from './questions.ts';

/** An answer that comes late is stored all the same, unless another record has taken the place. */
function isKept({ lateAnswerAtMs, instance }: RefreshCall, history: History, sender: RefreshCall): boolean {
  if (lateAnswerAtMs === undefined || instance.process.isDead || instance.isClosed) return false;
  return sender.deadline - lateAnswerAtMs > refreshTimeoutMs + 12_000 && !history.hasOddTime && !history.hasStoreFailed;
}

/**
 * The one window in which a sign-in may be lost (SECURITY.md, "What is not protected against"): the provider has taken the refresh
 * token, and its answer is not durably stored yet. In that window the process was killed, the answer was lost or came after
 * `refreshTimeout`, the store failed, or the lease ended because the process was stopped for longer.
 */
function windowExcuse(call: RefreshCall, history: History, sender: RefreshCall): string | undefined {
  const { machine } = history;
  const { excuse, holder, deadline, isSettled, isKeptInMemory, instance } = call;
  if (excuse) return excuse;
  const family = history.familyOf(call.record);
  // It, or the sign-in that had taken its place: both look as if it had never been stored.
  const wasSignedOut = history.instances.some(
    ({ name, triedSignOuts }) => name === family?.name && triedSignOuts.length > 0,
  );
  if (wasSignedOut && family && hadNoAnswer(family)) return 'a sign-out deleted what no answer said was stored';
  if (call.isTooLate && !isKept(call, history, sender)) return 'the answer came too late';
  if (isKeptInMemory && instance !== sender.instance) return 'the store failed before the answer was stored';
  if (instance.isClosed && history.hasStoreFailed) return 'close() gave up what the store did not take';
  if (holder?.hasSlipped) return 'its process heard that its lease had ended';
  // A process that has exited released its locks itself.
  if (holder && holder.endsAt <= machine.now && !holder.isReleased && !instance.hasExited)
    return 'the lease ended before the answer was stored';
  if (!isSettled && machine.now >= deadline) return 'the answer came after refreshTimeout';
  return undefined;
}

function isForced({ calls }: Instance): boolean {
  return [...calls].some((call) => call.options.forceRefresh && mayGoOn(call));
}

/** When the user's `refresh` is called, and when its request arrives at the provider. */
export const refreshInvariants: Invariants = {
  'refresh-called': [
    {
      promise: 'One refresh is under way, over all processes',
      check({ call }, history) {
        const other = otherUnderWay(call, history.refreshCalls, history);
        return other && `${call.instance.label} calls refresh while the one of ${other.instance.label} is under way`;
      },
    },
    {
      promise: "refresh is called under the record's lock",
      check: ({ call: { holder, instance } }, history) =>
        isHeld(holder, history) ? undefined : `${instance.label} does not hold it`,
    },
    {
      promise: 'What is sent is what is stored now, not what was read before the lock',
      check({ call }, history) {
        // A sign-in, a sign-out or another program may have written without the lock, after the record was read.
        const replacedAt = history.replacedAt(call.instance.name, call.record);
        return replacedAt >= (call.holder?.since ?? 0)
          ? undefined
          : 'the store had another record before the lock was acquired';
      },
    },
    {
      promise: 'A token is refreshed once for each expiry, and not if the stored one is good',
      check({ call }, history) {
        const { instance, record } = call;
        if (isForced(instance)) return undefined;
        // A token of a process whose clock is ahead is not used, and may look good when the request is sent.
        if (doClocksDiffer(history)) return undefined;
        const { accessToken, expiresAt = 0, obtainedAt = 0 } = record;
        const access = history.accesses.get(accessToken ?? '');
        const now = instance.process.wallNow;
        if (!access || expiresAt <= now || obtainedAt > now + 30_000) return undefined;
        // A token that came while the process waited for the lock is good to its very end.
        const isNew = access.issuedAt > (call.holder?.askedAt ?? 0);
        const asked = [...instance.calls].filter(mayGoOn).map(({ options }) => options.minValid ?? 0);
        const needs = [0, ...asked].map((minValid) =>
          neededMs(expiresAt - obtainedAt, history, { minValid, aheadMs: history.refreshAheadMs }),
        );
        return isNew || expiresAt - Math.max(...needs) > now ? `the stored token is good: ${accessToken}` : undefined;
      },
    },
    {
      promise: 'While a provider says retryAfter, it is not asked again by a process whose token is valid',
      check({ call: { instance, record } }, history) {
        const { pause, calls } = instance;
        const { now, wallNow } = history.machine;
        if (!pause || pause.until <= now || pause.token !== record.accessToken) return undefined;
        if (isForced(instance) || history.refreshAheadMs > 0) return undefined;
        const wasUnderWay = [...calls].some((each) => (!each.outcome || each.mayGoOn) && each.startedAt <= pause.since);
        const expiresAt = history.accesses.get(pause.token)?.expiresAt ?? Number.POSITIVE_INFINITY;
        return wasUnderWay || expiresAt <= wallNow ? undefined : `${pause.until - now} ms too early`;
      },
    },
    {
      promise: 'A refresh token that was refused is not sent again, unless a call forces it',
      check({ call: { instance, record } }) {
        return record.refusedAt === undefined || isForced(instance) ? undefined : 'the record says that it was refused';
      },
    },
    {
      promise: 'No record of another client, provider or name is sent',
      check({ call }, history) {
        const family = history.familyOf(call.record);
        if (!family) return 'a refresh token that the provider never gave out';
        return isOf(family, call.instance)
          ? undefined
          : `sign-in ${family.id} is of ${family.clientId}, ${family.name}`;
      },
    },
  ],
  'refresh-arrived': [
    {
      promise: 'No refresh token is sent again after it was spent, but in the window',
      check({ call, token }, history) {
        const { spending } = token;
        if (!spending) return undefined;
        // A program that knows no lock has written over the answer.
        const isOverwritten = [...history.refreshTokens.values(), ...history.accesses.values()].some(
          ({ family, storedAt = 0 }) =>
            family.isForeign && family.name === call.instance.name && storedAt > spending.call.calledAt,
        );
        const excuse = isOverwritten
          ? 'another program wrote without the lock'
          : (windowExcuse(spending.call, history, call) ?? windowExcuse(call, history, call));
        if (excuse) token.family.excuse = excuse;
        return excuse ? undefined : `${call.instance.label} sends again what ${spending.call.instance.label} has spent`;
      },
    },
  ],
};
