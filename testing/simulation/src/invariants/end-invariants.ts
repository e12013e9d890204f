import type { Fact } from '../facts.ts';
import type { History } from '../history.ts';
import type { Invariants } from './invariant.ts';
import { accessGiven } from './questions.ts';

const everyCallEnds = {
  promise: 'Every call ends',
  check(_fact: Fact, { instances, wasSilentTo }: History): string | undefined {
    for (const { process, label, calls } of instances) {
      for (const { method, outcome } of calls) {
        // What only asks the store waits for it.
        const mayWait = process.isDead || (wasSilentTo.has(process) && /^(signIn|signOut|read)$/.test(method));
        if (!outcome && !mayWait) return `${method}() of ${label} waits for ever`;
      }
    }
    return undefined;
  },
};

/** When nothing is left to do: after the last trouble, some time later and when all have closed, and at the end. */
export const endInvariants: Invariants = {
  // Nothing is left to wait for, but timers that keep no process alive.
  calm: [everyCallEnds],
  rested: [
    {
      promise: 'An answer that came to a process is stored by close() at the latest',
      unless: ['foreign'],
      check(_fact, history) {
        for (const { refreshToken, accessToken } of history.stored.values()) {
          const call = history.refreshCalls.find(
            ({ record, isAnswered }) =>
              isAnswered && record.refreshToken === refreshToken && record.accessToken === accessToken,
          );
          if (!call?.brought || call.brought.storedAt !== undefined) continue;
          const { process, isClosed, wasClosedCalmly } = call.instance;
          if (!process.isDead && (!isClosed || wasClosedCalmly) && !call.excuse) return call.brought.value;
        }
        return undefined;
      },
    },
    {
      promise: 'A sign-in is stored by close() at the latest, whatever became of the one before',
      unless: ['clock', 'foreign'],
      check(_fact, history) {
        for (const { id, name, window, signedInAtMs = -1 } of history.families) {
          const is = history.familyOf(history.stored.get(name));
          if (!window || !is || signedInAtMs <= (is.signedInAtMs ?? -1)) continue;
          const { process, isClosed, wasClosedCalmly } = window.instance;
          const wasSignedOut = history.instances.some((each) => each.name === name && each.triedSignOuts.length > 0);
          if (process.isDead || (isClosed && !wasClosedCalmly) || wasSignedOut) continue;
          return `sign-in ${is.id} is stored, and not sign-in ${id}`;
        }
        return undefined;
      },
    },
  ],
  ended: [
    everyCallEnds,
    {
      promise: 'No sign-in is lost, but in the window',
      check(_fact, history) {
        for (const [name, family] of history.owed) {
          const record = history.stored.get(name);
          if (history.familyOf(record) !== family) return `sign-in ${family.id} is not in the store`;
          // What has no refresh token ends with its access token.
          if (family.revoked || family.excuse || record?.refreshToken === undefined) continue;
          const last = history.instances.findLast((instance) => instance.name === name);
          const call = last && [...last.calls].at(-1);
          if (call && !accessGiven(call, history)) return `sign-in ${family.id} gives no token any more`;
        }
        return undefined;
      },
    },
  ],
};
