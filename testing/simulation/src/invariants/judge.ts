/**
 * What must be true in every schedule: the promises of SECURITY.md and docs/architecture.md about one shared sign-in, each as a
 * sentence and as a check, one file for each kind of fact.
 */
import type { Fact } from '../facts.ts';
import type { History } from '../history.ts';
import { callInvariants } from './call-invariants.ts';
import { endInvariants } from './end-invariants.ts';
import type { Invariant, Invariants } from './invariant.ts';
import { refreshInvariants } from './refresh-invariants.ts';
import { signInInvariants } from './sign-in-invariants.ts';
import { storeInvariants } from './store-invariants.ts';

const invariants: Invariants = {
  ...refreshInvariants,
  ...signInInvariants,
  ...storeInvariants,
  ...callInvariants,
  ...endInvariants,
};

/** All promises, as sentences. */
export const promises: ReadonlySet<string> = new Set(
  Object.values(invariants).flatMap((list) => list.map(({ promise }) => promise)),
);

const byType = new Map(Object.entries(invariants)) as ReadonlyMap<string, readonly Invariant[]>;

/** The promise that the fact breaks, and how; undefined if it breaks none. */
export function judge(fact: Fact, history: History): string | undefined {
  const list = byType.get(fact.type);
  if (!list) return undefined;
  for (const invariant of list) {
    const how = invariant.check(fact, history);
    if (how !== undefined) return `${invariant.promise}\n  ${how}`;
  }
  return undefined;
}
