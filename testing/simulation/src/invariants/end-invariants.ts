import type { Instance } from '../facts.ts';
import type { History } from '../history.ts';
import type { Invariants } from './invariant.ts';

const everyCallEnds = {
  'Every call ends'(_fact: unknown, { instances, wasSilentTo }: History): string | undefined {
    for (const { process, label, calls } of instances) {
      for (const { method, settledAt } of calls) {
        // What only asks the store waits for it.
        const mayWait = process.isDead || (wasSilentTo.has(process) && /^(signIn|signOut|read)$/.test(method));
        if (!settledAt && !mayWait) return `${method}() of ${label} waits for ever`;
      }
    }
    return undefined;
  },
};

/** Whether it had time to store what it has. */
function couldStore({ process, isClosed, wasClosedCalmly }: Instance): boolean {
  return !process.isDead && (!isClosed || wasClosedCalmly);
}

/** When nothing is left to do: after the last trouble, some time later, when all have closed, and at the end. */
export const endInvariants: Invariants = {
  // Nothing is left to wait for, but timers that keep no process alive.
  calm: everyCallEnds,
  rested: {
    'An answer that came to a process is stored by close() at the latest'(_fact, history) {
      if (history.had('foreign')) return undefined;
      for (const { refreshToken, accessToken } of history.stored.values()) {
        const lost = history.refreshCalls.find(({ record, isAnswered, brought, instance, excuse }) => {
          const isOfIt = record.refreshToken === refreshToken && record.accessToken === accessToken;
          return isOfIt && isAnswered && brought?.storedAt === undefined && couldStore(instance) && !excuse;
        });
        if (lost) return lost.brought?.value;
      }
      return undefined;
    },
    'A sign-in is stored by close() at the latest, whatever became of the one before'(_fact, history) {
      if (history.had('clock', 'foreign')) return undefined;
      for (const { id, name, window, signedInAtMs = -1 } of history.families) {
        const is = history.familyOf(history.stored.get(name));
        const wasSignedOut = history.instances.some((each) => each.name === name && each.triedSignOuts.length > 0);
        const isOlder = is && (is.signedInAtMs ?? -1) < signedInAtMs && !wasSignedOut;
        if (isOlder && window && couldStore(window.instance))
          return `sign-in ${is.id} is stored, and not sign-in ${id}`;
      }
      return undefined;
    },
  },
  ended: {
    ...everyCallEnds,
    'No sign-in is lost, but in the window'(_fact, history) {
      for (const [name, family] of history.owed) {
        const record = history.stored.get(name);
        if (history.familyOf(record) !== family) return `sign-in ${family.id} is not in the store`;
        // What has no refresh token ends with its access token.
        if (family.revoked || family.excuse || record?.refreshToken === undefined) continue;
        const last = history.instances.findLast((instance) => instance.name === name);
        const call = last && [...last.calls].at(-1);
        if (call && !call.access) return `sign-in ${family.id} gives no token any more`;
      }
      return undefined;
    },
  },
};
