import type { RefreshCall } from '../facts.ts';
import type { History } from '../history.ts';
import type { Invariants } from './invariant.ts';
import { isForced, isOf, neededMs, otherUnderWay } from './questions.ts';

/**
 * The one window in which a sign-in may be lost: the provider has taken the refresh token, and its answer is not stored yet. In that
 * window the process was killed, the answer was lost or too late, or the lease ended.
 */
function inWindow({ excuse, holder, deadline, isSettled }: RefreshCall, { machine }: History): string | undefined {
  if (excuse) return excuse;
  if (holder && holder.endsAt <= machine.now && !holder.isReleased)
    return 'the lease ended before the answer was stored';
  return !isSettled && machine.now >= deadline ? 'the answer came after refreshTimeout' : undefined;
}

/** When the user's `refresh` is called, and when its request arrives at the provider. */
export const refreshInvariants: Invariants = {
  'refresh-called': {
    'One refresh is under way, over all processes'({ call }, history) {
      if (history.had('lease')) return undefined;
      const other = otherUnderWay(call, history.refreshCalls, history);
      return other && `${call.instance.label} calls refresh while the one of ${other.instance.label} is under way`;
    },
    'refresh is called under the lock of the record'({ call: { holder, instance } }, { machine }) {
      return holder && holder.knownEndsAt > machine.now ? undefined : `${instance.label} does not hold it`;
    },
    'Before each refresh, the store is asked to write'({ call: { holder, instance } }, { lastWrite }) {
      const writtenAt = lastWrite.get(instance.process) ?? -1;
      return writtenAt > (holder?.askedAt ?? 0) ? undefined : 'not since the lock was asked for';
    },
    'No token is refreshed that is valid for as long as each call wants'({ call: { instance, record } }, history) {
      const { expiresAt, obtainedAt } = record;
      if (history.had('clock') || isForced(instance) || expiresAt === undefined || obtainedAt === undefined)
        return undefined;
      const wanted = [...instance.calls].map(({ options: { minValid } }) =>
        neededMs(expiresAt - obtainedAt, history, { minValid, ahead: true }),
      );
      const leftMs = expiresAt - instance.process.wallNow;
      return leftMs > Math.max(...wanted) ? `${record.accessToken} is valid for ${leftMs} ms` : undefined;
    },
    'While a provider says retryAfter, a process whose token is valid does not ask it'({ call }, history) {
      if (history.had('clock', 'store', 'late')) return undefined;
      const { instance, record } = call;
      const last = history.refreshCalls.findLast((each) => each.instance === instance);
      const { retryAtMs = 0, toldAt = call.calledAt } = last ?? {};
      const isOfNow = [...instance.calls].every(({ settledAt, startedAt }) => settledAt || startedAt > toldAt);
      const isSame = last?.record.accessToken === record.accessToken && !isForced(instance);
      const isValid = (record.expiresAt ?? 0) > instance.process.wallNow;
      const waitMs = retryAtMs - history.machine.now;
      return waitMs > 0 && isSame && isValid && isOfNow ? `${waitMs} ms too early` : undefined;
    },
    'A refresh token that was refused is not sent again, unless a call forces it'({ call: { instance, record } }) {
      return record.refusedAt === undefined || isForced(instance) ? undefined : 'the record says that it was refused';
    },
    'No record of another client, provider or name is sent'({ call }, history) {
      const family = history.familyOf(call.record);
      return family && isOf(family, call.instance) ? undefined : `${call.record.refreshToken}`;
    },
  },
  'refresh-arrived': {
    'No refresh token is sent again after it was spent, but in the window'({ call, token }, history) {
      const { spending, family } = token;
      if (!spending || history.had('foreign') || family.excuse) return undefined;
      const excuse = inWindow(spending.call, history) ?? inWindow(call, history);
      if (excuse) family.excuse = excuse;
      return excuse ? undefined : `${call.instance.label} sends again what ${spending.call.instance.label} has spent`;
    },
  },
};
