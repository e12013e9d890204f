import type { Fact, Family } from '../facts.ts';
import type { History } from '../history.ts';
import type { Invariants } from './invariant.ts';
import { doClocksDiffer, familyGiven, isForbidden } from './questions.ts';

/** Whether the stored sign-in has no refresh token, and its access token has expired or was rejected. */
function hasEnded(name: string, { stored, machine, hasOddTime }: History): boolean {
  const { refreshToken, expiresAt = Number.POSITIVE_INFINITY, refusedAt } = stored.get(name) ?? {};
  return refreshToken === undefined && (refusedAt !== undefined || expiresAt <= machine.wallNow || hasOddTime);
}

/** Whether a program without the lock has stored a sign-in since that one. */
function wasWrittenOver({ name, order }: Pick<Family, 'name' | 'order'>, { families }: History): boolean {
  return families.some((each) => each.isForeign && each.name === name && each.order > order);
}

const everyCallEnds = {
  promise: 'Every call ends',
  check(_fact: Fact, { instances, wasSilentTo }: History): string | undefined {
    for (const { process, label, calls } of instances) {
      if (process.isDead) continue;
      for (const { method, outcome } of calls) {
        // What only asks the store waits for it.
        const mayWait = wasSilentTo.has(process) && /^(signIn|signOut|read)$/.test(method);
        if (!outcome && !mayWait) return `${method}() of ${label} waits for ever`;
      }
    }
    return undefined;
  },
};

const everythingIsStored = [
  {
    promise: 'What could not be stored is stored when the store works again, by close() at the latest',
    check(_fact: Fact, history: History): string | undefined {
      for (const instance of history.instances.filter(({ process }) => !process.isDead)) {
        for (const { value, family, generation, storedAt } of instance.unstored) {
          const stored = history.refreshTokens.get(history.stored.get(instance.name)?.refreshToken ?? '');
          const isOlder =
            stored?.family === family && stored.generation < generation && stored.value !== family.current;
          if (storedAt !== undefined || !isOlder || (instance.isClosed && !instance.wasClosedCalmly)) continue;
          if (wasWrittenOver(family, history)) continue;
          // A provider that takes a refresh token twice gives two lines of tokens: both are good, and either may be stored.
          let each = [...history.refreshTokens.values()].find(
            (token) => token.family === family && token.generation === generation,
          );
          while (each && each !== stored) each = each.parent;
          if (each) return value;
        }
      }
      return undefined;
    },
  },
  {
    promise: 'A sign-in is stored by close() at the latest, whatever became of the one before',
    check(_fact: Fact, history: History): string | undefined {
      // Of two that the store could not take, their times say which is the newer one.
      if (doClocksDiffer(history)) return undefined;
      for (const { id, order, name, window, signedInAtMs, wasStored } of history.families) {
        if (!window || signedInAtMs === undefined) continue;
        const { process, isClosed, wasClosedCalmly } = window.instance;
        const wasSignedOut = history.instances.some((each) => each.name === name && each.triedSignOuts.length > 0);
        const stored = history.familyOf(history.stored.get(name));
        if (process.isDead || (isClosed && !wasClosedCalmly) || wasSignedOut || !stored || stored.isForeign) continue;
        // Before the answer to a window that was given up counts as well, and before what the store could not take: nothing was read then.
        const since = window.signal.aborted || !wasStored ? -1 : order;
        if (wasWrittenOver({ name, order: since }, history)) continue;
        const isOlder = stored.order < order && (stored.signedInAtMs ?? -1) < signedInAtMs;
        if (isOlder) return `sign-in ${stored.id} is stored, and not sign-in ${id}`;
      }
      return undefined;
    },
  },
];

/** When nothing is left to do, some time after all trouble is over, and at the end. */
export const endInvariants: Invariants = {
  // Nothing is left to wait for, but timers that keep no process alive.
  calm: [everyCallEnds],
  rested: everythingIsStored,
  ended: [
    everyCallEnds,
    ...everythingIsStored,
    {
      promise: 'No sign-in is stored after a sign-out that came after it began',
      check(_fact, history) {
        for (const record of history.stored.values()) {
          const family = history.familyOf(record);
          if (family && isForbidden(family)) return `sign-in ${family.id}`;
        }
        return undefined;
      },
    },
    {
      promise: 'No sign-in is lost, but in the window',
      check(_fact, history) {
        for (const [name, family] of history.owed) {
          const stored = history.familyOf(history.stored.get(name));
          if (stored !== family) return `sign-in ${family.id} is not in the store`;
          if (family.revoked || family.excuse || hasEnded(name, history)) continue;
          const last = history.instances.findLast((instance) => instance.name === name);
          const call = last && [...last.calls].at(-1);
          if (call && !familyGiven(call, history)) return `sign-in ${family.id} gives no token any more`;
        }
        return undefined;
      },
    },
  ],
};
