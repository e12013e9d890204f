import { covers } from '../models/scopes.ts';
import type { Invariants } from './invariant.ts';
import { neededMs, tookLonger } from './questions.ts';

/** When a call of getToken() settles: what the store had. */
export const smallCoreInvariants: Invariants = {
  'call-settled': {
    'A call whose need the stored token meets waits for no refresh'({ call }, history) {
      const { method, options, instance, stored, needs, startedAtMs, startedAtWallMs } = call;
      if (method !== 'getToken' || !stored || history.had('clock', 'stop', 'kill', 'lease', 'store', 'late'))
        return undefined;
      const { expiresAt = 0, obtainedAt = 0, clientId, refusedAt, scope } = stored;
      const isLong = expiresAt - startedAtWallMs - 1_000 > neededMs(expiresAt - obtainedAt, history, options);
      const isForUs =
        instance.needs === needs && clientId === instance.clientId && refusedAt === undefined && covers(scope, needs);
      const isRejected = [...instance.calls].some((each) => each.options.forceRefresh);
      const staysUntilMs = history.replacedAtMs.get(stored) ?? history.machine.now;
      const isGood = isLong && isForUs && !isRejected && staysUntilMs > startedAtMs + 1_000;
      return isGood ? tookLonger(call, history, 1_000) : undefined;
    },
  },
};
