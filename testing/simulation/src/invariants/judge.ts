/**
 * What must be true in every schedule: the promises of SECURITY.md and docs/architecture.md about one shared sign-in, each as a
 * sentence and as a check, one file for each kind of fact.
 */
import type { Fact, History } from '../history.ts';
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

/** The promise that the fact breaks, and how; undefined if it breaks none. */
export function judge(fact: Fact, history: History): string | undefined {
  const list: readonly Invariant[] = (invariants as Record<string, readonly Invariant[]>)[fact.type] ?? [];
  for (const { promise, check } of list) {
    const how = check(fact, history);
    if (how !== undefined) return `${promise}\n  ${how}`;
  }
  return undefined;
}
