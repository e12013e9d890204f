import { type Choices, streams } from './choices.ts';

/** What happens besides where a schedule goes another way. */
export interface More<Action, Fate> {
  readonly actions: readonly Action[];
  readonly fates: readonly Fate[];
}

/** The first stream of their choices, after those of the plan. */
const moreActions = 20;
/** What is to happen at a rare state must come before it is over. */
const soonMoments = 8;

/** One action or two, and a fate or none. */
export function more<Action, Fate extends { readonly moment: number }>(
  choices: Choices,
  choose: { action(index: number): Action; fate(index: number): Fate },
): More<Action, Fate> {
  const weighted = (...weights: number[]): number => choices.weighted(streams.branches, weights);
  const count = 1 + weighted(2, 1);
  const actions = Array.from({ length: count }, (_, index) => choose.action(moreActions + index));
  const fates = weighted(1, 1) === 1 ? [choose.fate(moreActions)] : [];
  return { actions, fates: fates.map((fate) => ({ ...fate, moment: fate.moment % soonMoments })) };
}
