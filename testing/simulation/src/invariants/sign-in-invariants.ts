import type { Invariants } from './invariant.ts';
import { deniedBefore, goodSignIn, isAlone, isHeld, isOurs, isUnwanted, otherUnderWay } from './questions.ts';

/** When a person is asked to sign in. */
export const signInInvariants: Invariants = {
  'person-asked': [
    {
      promise: 'One sign-in is in front of the person, over all processes',
      check({ window }, history) {
        const other = otherUnderWay(window, history.windows, history);
        return other && `${window.instance.label} asks while the question of ${other.instance.label} is open`;
      },
    },
    {
      promise: 'No person is asked while a good sign-in is stored, unless signIn() is called',
      check({ window: { instance, reason, holder } }, history) {
        const stored = goodSignIn(instance, history);
        const isOld = stored?.storedAt !== undefined && stored.storedAt < (holder?.askedAt ?? 0);
        // A sign-out that failed has ended it all the same.
        if (stored && isUnwanted(stored.family, instance)) return undefined;
        return reason !== 'requested' && isOld ? `${reason}, although sign-in ${stored.family.id} is good` : undefined;
      },
    },
    {
      promise: 'The processes that wait for a sign-in use its result',
      check({ window: { instance, reason, holder } }, history) {
        const stored = goodSignIn(instance, history);
        const isNew = stored?.storedAt !== undefined && stored.storedAt > (holder?.askedAt ?? 0);
        const wasRead = stored?.storedAt !== undefined && stored.storedAt < (holder?.lastRead?.askedAt ?? 0);
        return reason !== 'requested' && isNew && wasRead
          ? `sign-in ${stored.family.id} came while it waited`
          : undefined;
      },
    },
    {
      promise: 'Nobody is asked again for what was denied, until a call forces or a person signs out',
      check({ window: { instance, reason } }, history) {
        return reason === 'not-accepted' ? deniedBefore(instance, history) : undefined;
      },
    },
    {
      promise: 'A person is asked only under the sign-in lock',
      check: ({ window: { holder, instance } }, history) =>
        isHeld(holder, history) ? undefined : `${instance.label} does not hold it`,
    },
    {
      promise: 'Nobody is asked who has just signed out',
      check({ window: { instance, reason, holder } }, history) {
        if (reason === 'requested') return undefined;
        if (reason === 'not-signed-in') {
          // Whose call has found a record, and then none.
          const { record, found } = history.lastReadBy(instance.process, instance.name);
          const call = [...instance.calls].find(({ outcome }) => !outcome);
          const family = history.familyOf(found?.record);
          const isOfCall = call && found && found.step > call.startedAt && isAlone(call);
          // What the call has brought itself may not be enough any more.
          if (history.windows.some((each) => each.instance === instance && each.openedAt > (call?.startedAt ?? 0)))
            return undefined;
          const hasFound = isOfCall && history.refreshAheadMs === 0 && !history.hasStalled;
          return hasFound && !record && family && isOurs(found.record, family, instance) && instance.storeFailures === 0
            ? `sign-in ${family.id} was there when its call began`
            : undefined;
        }
        // It has a record that the store does not have.
        if (instance.storeFailures > 0 || !holder?.lastRead) return undefined;
        // Or the task has found one since, with the record's lock.
        const { record } = history.lastReadBy(instance.process, instance.name);
        return holder.lastRead.record || record ? undefined : `${reason}, and the record is gone`;
      },
    },
    {
      promise: 'A person is asked only if a caller allows it',
      check: ({ window }) =>
        [...window.instance.calls].some(
          ({ method, options, outcome }) =>
            !outcome && (method === 'signIn' || (method === 'getToken' && options.interactive !== false)),
        )
          ? undefined
          : 'no call that is under way allows it',
    },
  ],
};
