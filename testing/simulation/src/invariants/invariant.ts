import type { Fact } from '../facts.ts';
import type { History } from '../history.ts';

type FactOf<Type extends Fact['type']> = Extract<Fact, { type: Type }>;

/** Promises to a user, each as one sentence, with its check: how the fact breaks it, undefined if it does not. */
export type Promises<Type extends Fact['type']> = {
  readonly [sentence: string]: (fact: FactOf<Type>, history: History) => string | undefined;
};

/**
 * For each kind of fact: what must be true when it happens. A check has at most one exception; most often that is trouble, without which
 * the promise holds.
 */
export type Invariants = { readonly [Type in Fact['type']]?: Promises<Type> };
