/**
 * What must be true in every schedule: the promises of the README about one shared sign-in, each as a sentence and as a check, one file
 * for each kind of fact.
 */
import type { Fact } from '../facts.ts';
import type { History } from '../history.ts';
import { callInvariants } from './call-invariants.ts';
import { endInvariants } from './end-invariants.ts';
import type { Invariant, Invariants } from './invariant.ts';
import { refreshInvariants } from './refresh-invariants.ts';
import { signInInvariants } from './sign-in-invariants.ts';
import { storeInvariants } from './store-invariants.ts';
import { tokenInvariants } from './token-invariants.ts';

const invariants: Invariants = {
  ...refreshInvariants,
  ...signInInvariants,
  ...storeInvariants,
  ...callInvariants,
  'call-settled': [...tokenInvariants, ...(callInvariants['call-settled'] ?? [])],
  ...endInvariants,
};

/** All promises, as sentences. */
export const promises: ReadonlySet<string> = new Set(
  Object.values(invariants).flatMap((list) => list.map(({ promise }) => promise)),
);

const byType = new Map(Object.entries(invariants)) as ReadonlyMap<string, readonly Invariant[]>;

/** The promise that the fact breaks, and how; undefined if it breaks none. */
export function judge(fact: Fact, history: History): string | undefined {
  for (const { promise, unless, check } of byType.get(fact.type) ?? []) {
    if (unless?.some((trouble) => history.troubles.has(trouble))) continue;
    const how = check(fact, history);
    if (how !== undefined) return `${promise}\n  ${how}`;
  }
  return undefined;
}
