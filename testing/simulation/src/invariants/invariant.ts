import type { Fact, Trouble } from '../facts.ts';
import type { History } from '../history.ts';

type FactOf<Type extends Fact['type']> = Extract<Fact, { type: Type }>;

/** A promise to a user, as one sentence, and how a fact can break it. */
export interface Invariant<Type extends Fact['type'] = Fact['type']> {
  readonly promise: string;
  /** The promise holds for schedules without that trouble. Such a promise has no other exception. */
  readonly unless?: readonly Trouble[];
  /** How the fact breaks the promise; undefined if it does not. */
  check(fact: FactOf<Type>, history: History): string | undefined;
}

/** For each kind of fact: what must be true when it happens. */
export type Invariants = { readonly [Type in Fact['type']]?: readonly Invariant<Type>[] };
