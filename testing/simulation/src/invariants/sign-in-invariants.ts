import { covers } from '../models/scopes.ts';
import type { Invariants } from './invariant.ts';
import { goodSignIn, mayAsk, otherUnderWay } from './questions.ts';

/** When a person is asked to sign in. */
export const signInInvariants: Invariants = {
  'person-asked': [
    {
      promise: 'One sign-in is in front of the person, over all processes',
      unless: ['lease'],
      check({ window }, history) {
        const other = otherUnderWay(window, history.windows, history);
        return other && `${window.instance.label} asks while the question of ${other.instance.label} is open`;
      },
    },
    {
      promise: 'No person is asked while a good sign-in is stored, unless signIn() is called',
      unless: ['clock'],
      check({ window: { instance, reason, holder } }, history) {
        const family = goodSignIn(instance, history);
        const readAt = Math.max(holder?.askedAt ?? 0, holder?.lastRead?.askedAt ?? 0);
        const wasKnown = family && (history.storedSince.get(family.name) ?? 0) < readAt;
        return reason !== 'requested' && wasKnown ? `${reason}, although sign-in ${family.id} is good` : undefined;
      },
    },
    {
      promise: 'Nobody is asked again for what was denied, until a call forces',
      check({ window: { instance, reason } }, history) {
        const family = history.familyOf(history.stored.get(instance.name));
        const { window, scope = '' } = family ?? {};
        const wasDenied =
          window?.instance === instance && window.asked === instance.needs && !covers(scope, window.asked);
        const hasForced = [...instance.calls].some(
          ({ options, startedAt }) => options.forceRefresh && startedAt > (window?.openedAt ?? 0),
        );
        return reason === 'not-accepted' && wasDenied && !hasForced
          ? `sign-in ${family?.id} brought ${scope}`
          : undefined;
      },
    },
    {
      promise: 'A person is asked only under the sign-in lock',
      check: ({ window: { holder, instance } }, { machine }) =>
        holder && holder.knownEndsAt > machine.now ? undefined : `${instance.label} does not hold it`,
    },
    {
      promise: 'Nobody is asked whose sign-in was there and is signed out, unless it was never stored',
      check: ({ window: { instance, reason, holder } }) =>
        /^(expired|refused|not-accepted)$/.test(reason) &&
        holder?.lastRead &&
        !holder.lastRead.record &&
        !instance.hasSaidStoreFailed
          ? `${reason}, and the record is gone`
          : undefined,
    },
    {
      promise: 'A person is asked only if a caller allows it',
      check: ({ window: { instance } }) =>
        [...instance.calls].some((call) => !call.outcome && mayAsk(call))
          ? undefined
          : 'no call that is under way allows it',
    },
  ],
};
