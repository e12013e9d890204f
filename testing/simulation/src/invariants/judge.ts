/** What must be true in every schedule: the promises of the README about one shared sign-in, one file for each kind of fact. */
import type { Fact } from '../facts.ts';
import type { History } from '../history.ts';
import { callInvariants } from './call-invariants.ts';
import { endInvariants } from './end-invariants.ts';
import type { Invariants } from './invariant.ts';
import { refreshInvariants } from './refresh-invariants.ts';
import { signInInvariants } from './sign-in-invariants.ts';
import { smallCoreInvariants } from './small-core-invariants.ts';
import { storeInvariants } from './store-invariants.ts';
import { tokenInvariants } from './token-invariants.ts';

const all: readonly Invariants[] = [
  refreshInvariants,
  signInInvariants,
  storeInvariants,
  { 'call-settled': tokenInvariants },
  callInvariants,
  endInvariants,
  smallCoreInvariants,
];

type Check = (fact: never, history: History) => string | undefined;

const byType = new Map<string, [promise: string, check: Check][]>();
for (const invariants of all) {
  for (const [type, checks] of Object.entries(invariants))
    byType.set(type, [...(byType.get(type) ?? []), ...Object.entries<Check>(checks)]);
}

/** All promises, as sentences. */
export const promises: ReadonlySet<string> = new Set([...byType.values()].flat().map(([promise]) => promise));

/** The promise that the fact breaks, and how; undefined if it breaks none. */
export function judge(fact: Fact, history: History): string | undefined {
  for (const [promise, check] of byType.get(fact.type) ?? []) {
    const how = check(fact as never, history);
    if (how !== undefined) return `${promise}\n  ${how}`;
  }
  return undefined;
}
