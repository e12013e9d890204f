import type { RefreshCall } from '../facts.ts';
import type { History } from '../history.ts';
import type { Invariants } from './invariant.ts';
import { isForced, isOf, lifetimeOf, neededMs, otherUnderWay } from './questions.ts';

/**
 * The one window in which a sign-in may be lost: the provider has taken the refresh token, and its answer is not stored yet. In that
 * window the process was killed, the answer was lost or too late, or the lease ended.
 */
function wasInWindow({ excuse, holder, deadline, isSettled }: RefreshCall, { machine }: History): string | undefined {
  if (excuse) return excuse;
  if (holder && holder.endsAt <= machine.now && !holder.isReleased)
    return 'the lease ended before the answer was stored';
  return !isSettled && machine.now >= deadline ? 'the answer came after refreshTimeout' : undefined;
}

/** When the user's `refresh` is called, and when its request arrives at the provider. */
export const refreshInvariants: Invariants = {
  'refresh-called': [
    {
      promise: 'One refresh is under way, over all processes',
      unless: ['lease'],
      check({ call }, history) {
        const other = otherUnderWay(call, history.refreshCalls, history);
        return other && `${call.instance.label} calls refresh while the one of ${other.instance.label} is under way`;
      },
    },
    {
      promise: "refresh is called under the record's lock",
      check: ({ call: { holder, instance } }, { machine }) =>
        holder && holder.knownEndsAt > machine.now ? undefined : `${instance.label} does not hold it`,
    },
    {
      promise: 'Before each refresh, the store is asked to write',
      check: ({ call: { holder, instance } }, { lastWrite }) =>
        (lastWrite.get(instance.process) ?? -1) > (holder?.askedAt ?? 0) ? undefined : 'not since it has the lock',
    },
    {
      promise: 'No token is refreshed that is valid for as long as each call wants',
      unless: ['clock'],
      check({ call: { instance, record } }, history) {
        const lifetimeMs = lifetimeOf(record);
        if (isForced(instance) || lifetimeMs === undefined) return undefined;
        const wanted = [...instance.calls].map(({ options: { minValid } }) =>
          neededMs(lifetimeMs, history, { minValid, ahead: true }),
        );
        const leftMs = (record.expiresAt ?? 0) - instance.process.wallNow;
        return leftMs > Math.max(...wanted) ? `${record.accessToken} is valid for ${leftMs} ms` : undefined;
      },
    },
    {
      promise: 'While a provider says retryAfter, it is not asked again by a process whose token is valid',
      unless: ['clock', 'store', 'late'],
      check({ call: { instance, record } }, { refreshCalls, machine }) {
        const last = refreshCalls.findLast((each) => each.instance === instance);
        const { retryAtMs = 0, toldAt = machine.steps } = last ?? {};
        const isOfNow = [...instance.calls].every(({ outcome, startedAt }) => outcome || startedAt > toldAt);
        const isValid = (record.expiresAt ?? 0) > instance.process.wallNow;
        const isSame = last?.record.accessToken === record.accessToken && !isForced(instance);
        const waitMs = retryAtMs - machine.now;
        return waitMs > 0 && isSame && isValid && isOfNow ? `${waitMs} ms too early` : undefined;
      },
    },
    {
      promise: 'A refresh token that was refused is not sent again, unless a call forces it',
      check: ({ call: { instance, record } }) =>
        record.refusedAt === undefined || isForced(instance) ? undefined : 'the record says that it was refused',
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
      unless: ['foreign'],
      check({ call, token: { spending, family } }, history) {
        if (!spending) return undefined;
        const excuse = wasInWindow(spending.call, history) ?? wasInWindow(call, history);
        if (excuse) family.excuse = excuse;
        return excuse ? undefined : `${call.instance.label} sends again what ${spending.call.instance.label} has spent`;
      },
    },
  ],
};
