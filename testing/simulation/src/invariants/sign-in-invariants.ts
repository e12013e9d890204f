import { covers } from '../models/scopes.ts';
import type { Invariants } from './invariant.ts';
import { goodSignIn, mayAsk, otherUnderWay } from './questions.ts';

/** When a person is asked to sign in. */
export const signInInvariants: Invariants = {
  'person-asked': {
    'One sign-in is in front of the person, over all processes'({ window }, history) {
      if (history.had('lease')) return undefined;
      const other = otherUnderWay(window, history.windows, history);
      return other && `${window.instance.label} asks while the question of ${other.instance.label} is open`;
    },
    'A person is asked only under the sign-in lock'({ window: { holder, instance } }, { machine }) {
      return holder && holder.knownEndsAt > machine.now ? undefined : `${instance.label} does not hold it`;
    },
    'No person is asked while a good sign-in is stored, unless signIn() is called'({ window }, history) {
      const { instance, reason, holder } = window;
      if (reason === 'requested' || history.had('clock')) return undefined;
      const family = goodSignIn(instance, history);
      const readAt = Math.max(holder?.askedAt ?? 0, holder?.lastRead?.askedAt ?? 0);
      const isKnown = family && (history.storedSince.get(family.name) ?? 0) < readAt;
      return isKnown ? `${reason}, although sign-in ${family.id} is good` : undefined;
    },
    'Nobody is asked again for what was denied, until a call forces or signs out'(
      { window: { instance, reason } },
      history,
    ) {
      const { window, scope = '', id } = history.familyOf(history.stored.get(instance.name)) ?? {};
      if (reason !== 'not-accepted' || window?.instance !== instance || window.asked !== instance.needs)
        return undefined;
      const hasForced = [...instance.calls].some(
        ({ options, method, startedAt }) =>
          (options.forceRefresh || method === 'signOut') && startedAt > window.openedAt,
      );
      return covers(scope, window.asked) || hasForced ? undefined : `sign-in ${id} brought ${scope}`;
    },
    'Nobody is asked whose sign-in is signed out meanwhile, unless it was never stored'({ window }) {
      const { instance, reason, holder } = window;
      const isGone = holder?.lastRead && !holder.lastRead.record && !instance.hasSaidStoreFailed;
      return /^(expired|refused|not-accepted)$/.test(reason) && isGone
        ? `${reason}, and the record is gone`
        : undefined;
    },
    'A person is asked only if a caller allows it'({ window: { instance } }) {
      const isAllowed = [...instance.calls].some((call) => !call.settledAt && mayAsk(call));
      return isAllowed ? undefined : 'no call that is under way allows it';
    },
  },
};
