import { type Choices, streams } from '../machine/choices.ts';
import { type More, more } from '../machine/more.ts';

type Kind =
  | 'exclusively'
  | 'get'
  | 'set'
  | 'replace'
  | 'delete'
  | 'changed'
  | 'close'
  | 'set clock'
  | 'cut'
  | 'restart';
type Work = 'refresh' | 'hold' | 'set' | 'delete';

/** What one process is told to do, or what happens around it. Times are ms. */
export interface Action {
  /** After the action before it. */
  readonly delayMs: number;
  readonly process: number;
  readonly kind: Kind;
  readonly name: string;
  readonly timeoutMs: number;
  readonly abortAfterMs: number | undefined;
  readonly work: Work;
  readonly holdMs: number;
  /** So often, one call after the other. */
  readonly times: number;
  /** By which a clock is set, or for how long the server is away. */
  readonly milliseconds: number;
}

export interface Fate {
  readonly process: number;
  readonly moment: number;
  readonly kind: 'kill' | 'stop' | 'sleep';
  readonly milliseconds: number;
}

export interface Plan {
  readonly processes: number;
  readonly leaseMs: number;
  readonly listens: 'all' | 'none' | 'some';
  readonly poolSize: number;
  /** Of the statements, connections and notifications. 0: none fails. */
  readonly faultOneIn: number;
  readonly clockOffsetMs: number;
  readonly isStored: boolean;
  readonly actions: readonly Action[];
  readonly fates: readonly Fate[];
}

const maxActions = 10;
const hourMs = 3_600_000;

/** Chooses a plan. Many schedules have no trouble, so that short times can be promised in them. */
export function choosePlan(choices: Choices): Plan {
  const below = (bound: number): number => choices.below(streams.plan, bound);
  const weighted = (...weights: number[]): number => choices.weighted(streams.plan, weights);
  const processes = 1 + weighted(1, 4, 3);
  const leaseMs = [15_000, 5_000, 1_000][weighted(3, 2, 1)] as number;
  const listens = (['all', 'none', 'some'] as const)[weighted(3, 1, 1)] as Plan['listens'];
  const poolSize = [10, 2, 1][weighted(4, 1, 1)] as number;
  const faultOneIn = [0, 20, 5][weighted(3, 2, 2)] as number;
  const clockOffsetMs = [0, hourMs, -hourMs][weighted(2, 1, 1)] as number;
  const isStored = weighted(4, 1) === 0;
  const isCalm = weighted(2, 1) === 1;
  const count = 1 + below(maxActions);
  const actions: Action[] = [];
  while (actions.length < count) actions.push(chooseAction(choices, actions.length, processes, leaseMs, isCalm));
  const fateCount = isCalm ? 0 : weighted(3, 3, 2);
  const fates: Fate[] = [];
  while (fates.length < fateCount) fates.push(chooseFate(choices, fates.length, processes, leaseMs));
  return { processes, leaseMs, listens, poolSize, faultOneIn, clockOffsetMs, isStored, actions, fates };
}

const kinds = [
  ...['exclusively', 'get', 'set', 'replace', 'delete', 'changed'],
  ...['close', 'set clock', 'cut', 'restart'],
] as Kind[];

function chooseAction(choices: Choices, index: number, processes: number, leaseMs: number, isCalm: boolean): Action {
  const stream = streams.actions + index;
  const weighted = (...weights: number[]): number => choices.weighted(stream, weights);
  const pick = <T>(values: readonly T[]): T => values[choices.below(stream, values.length)] as T;
  const kind = kinds[isCalm ? weighted(16, 2, 3, 4, 3, 3) : weighted(16, 2, 3, 4, 3, 3, 1, 5, 2, 1)] as Kind;
  const delayMs = [0, 20, 300, 3_000, leaseMs, 2 * leaseMs][weighted(8, 4, 3, 2, 1, 1)] as number;
  const process = choices.below(stream, processes);
  const name = choices.isRare(stream, 5) ? 'other' : 'app';
  const timeoutMs = [60_000, 0, 300, 8_000, 30_000][weighted(6, 2, 1, 2, 2)] as number;
  const abortAfterMs = [undefined, 1, 100, 2_000, 9_000][weighted(10, 1, 1, 1, 1)];
  const work = (['refresh', 'hold', 'set', 'delete'] as const)[weighted(5, 3, 2, 2)] as Work;
  const holdMs = [0, 50, 0.5 * leaseMs, 0.95 * leaseMs, 2.5 * leaseMs][weighted(5, 3, 2, 2, 2)] as number;
  const times = [1, 2, 8][weighted(6, 2, 1)] as number;
  // By no whole milliseconds: else a renewal may end a lease at the very time that it had before, as if there had been none.
  const jumps = [2_000.137, hourMs, -2_000.137, -hourMs - 0.137, 0.6 * leaseMs, -0.6 * leaseMs - 0.137];
  const milliseconds = kind === 'set clock' ? pick(jumps) : pick([1, 3_000, 20_000]);
  return { delayMs, process, kind, name, timeoutMs, abortAfterMs, work, holdMs, times, milliseconds };
}

function chooseFate(choices: Choices, index: number, processes: number, leaseMs: number): Fate {
  const stream = streams.actions + maxActions + index;
  const kind = (['stop', 'sleep', 'kill'] as const)[choices.below(stream, 3)] as Fate['kind'];
  const process = choices.below(stream, processes);
  const moment = 3 + choices.below(stream, 60);
  const stops = [0.3 * leaseMs, leaseMs, 1.5 * leaseMs, 5 * leaseMs];
  return { kind, process, moment, milliseconds: stops[choices.below(stream, stops.length)] as number };
}

/** What happens besides where a schedule goes another way. */
export function chooseMore(choices: Choices, { processes, leaseMs }: Plan): More<Action, Fate> {
  return more(choices, {
    action: (index) => chooseAction(choices, index, processes, leaseMs, false),
    fate: (index) => chooseFate(choices, index, processes, leaseMs),
  });
}
