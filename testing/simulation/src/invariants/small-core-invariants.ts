import type { Invariants } from './invariant.ts';
import { rejectedBy } from './questions.ts';

/** What the small core promises, and today's does not keep. */
export const smallCoreInvariants: Invariants = {
  'revoke-called': {
    'revoke is called once for each sign-in'({ record }, history) {
      const family = history.familyOf(record);
      return family?.wasRevoked ? `sign-in ${family.id} again` : undefined;
    },
  },
  'call-settled': {
    'A token that was rejected, and whose refresh was refused, is not given again to its instance'({ call }) {
      const { instance, startedAt, access } = call;
      const since = Math.max(0, ...instance.triedSignOuts);
      const hasEnded = [...instance.calls].some((each) => {
        const isBefore = each.startedAt > since && (each.settledAt ?? startedAt) < startedAt;
        return each.options.forceRefresh && isBefore && each.reason === 'refused' && rejectedBy(each) === access?.value;
      });
      return access && hasEnded ? `${access.value} again` : undefined;
    },
  },
};
