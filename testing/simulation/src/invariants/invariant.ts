import type { Fact } from '../facts.ts';
import type { History } from '../history.ts';

type FactOf<Type extends Fact['type']> = Extract<Fact, { type: Type }>;

/** What must be true in every schedule: a promise of SECURITY.md or docs/architecture.md about one shared sign-in. */
export interface Invariant<Type extends Fact['type'] = Fact['type']> {
  readonly promise: string;
  /** How the fact breaks the promise; undefined if it does not. */
  check(fact: FactOf<Type>, history: History): string | undefined;
}

/** For each kind of fact: what must be true when it happens. */
export type Invariants = { readonly [Type in Fact['type']]?: readonly Invariant<Type>[] };
