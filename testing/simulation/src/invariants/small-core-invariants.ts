import { covers } from '../models/scopes.ts';
import type { Invariants } from './invariant.ts';
import { neededMs, rejectedBy, tookLonger } from './questions.ts';

/** What the small core promises, and today's does not keep. */
export const smallCoreInvariants: Invariants = {
  'revoke-called': {
    'revoke is called once for each sign-in'({ record }, history) {
      const family = history.familyOf(record);
      return family?.wasRevoked ? `sign-in ${family.id} again` : undefined;
    },
  },
  'call-settled': {
    'A call whose need the stored token meets waits for no refresh'({ call }, history) {
      const { method, options, instance, stored, needs, startedAtMs, startedAtWallMs } = call;
      if (method !== 'getToken' || !stored || history.had('clock', 'stop', 'kill', 'lease', 'store', 'late'))
        return undefined;
      const { expiresAt = 0, obtainedAt = 0, clientId, refusedAt, scope } = stored;
      const isLong = expiresAt - startedAtWallMs - 1_000 > neededMs(expiresAt - obtainedAt, history, options);
      const isForUs = clientId === instance.clientId && refusedAt === undefined && covers(scope, needs);
      const isRejected = [...instance.calls].some((each) => each.options.forceRefresh);
      const staysUntilMs = history.replacedAtMs.get(stored) ?? history.machine.now;
      const isGood = isLong && isForUs && !isRejected && staysUntilMs > startedAtMs + 1_000;
      return isGood ? tookLonger(call, history, 1_000) : undefined;
    },
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
