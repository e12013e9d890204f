import type { CallOptions, Method } from '../facts.ts';
import { type Choices, streams } from '../machine/choices.ts';
import { type More, more } from '../machine/more.ts';
import { type StoreKind, storeKinds } from '../models/model-store.ts';
import { type ProviderKind, type ProviderOptions, providerKinds } from '../models/provider.ts';

/** How a method is called. */
export interface Request {
  readonly options: CallOptions;
  /** The caller lets go after that time. */
  readonly abortAfterMs: number | undefined;
  /** Of close(): the process ends when it resolves, as a program does that has nothing else to do. */
  readonly thenExits: boolean;
}

/** What one process is told to do, or what happens around it. */
export interface Action extends Request {
  /** After the action before it. */
  readonly delayMs: number;
  readonly process: number;
  readonly kind: Method | 'revoke' | 'outage' | 'foreign sign-in' | 'need more';
  /** What the same process is told to do so many of its moments later, while this goes on. */
  readonly companion: (Request & { readonly kind: Method | 'need more'; readonly moments: number }) | undefined;
}

/** What happens to one process, at a moment that is chosen among all that others could notice. */
export interface Fate {
  readonly process: number;
  readonly moment: number;
  /** `slip`: the clock of the store is set, so that leases end early or late. By 0 ms: a process hears too early that its lease has ended. */
  readonly kind: 'kill' | 'stop' | 'set clock' | 'slip';
  readonly milliseconds: number;
}

/** One schedule before it runs. */
export interface Plan extends Omit<ProviderOptions, 'kind'> {
  readonly provider: ProviderKind;
  readonly store: StoreKind;
  readonly tells: boolean;
  readonly storeFaultOneIn: number;
  /** One request or answer of the store in so many takes long, so that they come in any order. 0: none. */
  readonly storeLateOneIn: number;
  /** Whether calls of the store never settle, now and then. */
  readonly storeIsSilent: boolean;
  /** More, perhaps, where a schedule goes another way. */
  networkFaultOneIn: number;
  readonly personFaultOneIn: number;
  readonly processes: number;
  /** Whether the last process is another client, or has another name in the store. */
  readonly stranger: 'none' | 'client' | 'name';
  readonly stored: 'expired' | 'nothing' | 'good' | 'near its end' | 'bare' | 'of the stranger';
  /** Whether `refresh` and `signIn` stop when their signal aborts. */
  readonly obeys: boolean;
  readonly usesRedeem: boolean;
  /** Whether the last process has no one to ask. */
  readonly lastIsSilent: boolean;
  /** Undefined: the default. */
  readonly expirySkewMs: number | undefined;
  readonly refreshAheadMs: number;
  /** Whether every other process needs more scopes than the stored sign-in has. */
  readonly someNeedMore: boolean;
  /** Whether the person grants less than is asked for, now and then. */
  readonly grantsLess: boolean;
  /** Whether `refresh` and `signIn` give `data`, now and then. */
  readonly givesData: boolean;
  /** For how long `signIn` goes on after `redeem` has resolved. */
  readonly redeemsEarlyMs: number;
  /** Whether the program changes each object that it was given or has given, as soon as it can. */
  readonly changesObjects: boolean;
  /** Whether there is a `revoke`. */
  readonly revokes: boolean;
  /** Whether `onEvent` throws. */
  readonly listenerFails: boolean;
  readonly actions: readonly Action[];
  readonly fates: readonly Fate[];
}

const maxActions = 8;
/** The stream of its choices comes after those of all other actions. */
const meanwhileAction = 31;

/** How long before its expiry a token of that lifetime is refreshed. */
export const skewOf = (lifetimeMs: number, expirySkewMs = 300_000): number => Math.min(expirySkewMs, lifetimeMs / 10);

/** Chooses a plan. Most schedules have few kinds of trouble, so that each kind is also seen alone. */
export function choosePlan(choices: Choices): Plan {
  const below = (bound: number): number => choices.below(streams.plan, bound);
  const weighted = (...weights: number[]): number => choices.weighted(streams.plan, weights);
  const provider = providerKinds[below(providerKinds.length)] as ProviderKind;
  const lifetimeMs = [3_600_000, 400_000, 200_000, 20_000, undefined, 4_000][weighted(6, 3, 5, 4, 2, 2)];
  const store = storeKinds[below(storeKinds.length)] as StoreKind;
  const tells = weighted(1, 1) === 1;
  const faultsAlone = [0, 40, 8][weighted(5, 2, 2)] as number;
  const networkFaultOneIn = [0, 6, 2][weighted(4, 3, 2)] as number;
  const personFaultOneIn = [0, 3][weighted(2, 1)] as number;
  const processes = 1 + weighted(2, 4, 3);
  const stranger = (['none', 'client', 'name'] as const)[weighted(6, 1, 1)] as Plan['stranger'];
  const stored = (['expired', 'nothing', 'good', 'near its end', 'bare', 'of the stranger'] as const)[
    weighted(8, 3, 2, 4, 1, 1)
  ] as Plan['stored'];
  const obeys = weighted(3, 1) === 0;
  const usesRedeem = weighted(1, 1) === 1;
  const lastIsSilent = weighted(1, 1) === 1;
  const count = 1 + below(maxActions);
  // What is rare must also be seen together with what else is rare.
  const isOften = weighted(1, 1) === 1;
  const often = [below(kinds.length), below(kinds.length)];
  const weights = kindWeights.map((weight, kind) => (isOften && often.includes(kind) ? weight + 15 : weight));
  const actions: Action[] = [];
  while (actions.length < count) {
    const before = actions.at(-1)?.process ?? 0;
    actions.push(chooseAction(choices, actions.length, { processes, before, lifetimeMs, weights }));
  }
  const fateCount = weighted(4, 3, 2, 1);
  const storeLateOneIn = store === 'file' ? 0 : ([0, 2, 8][weighted(4, 1, 2)] as number);
  const fates: Fate[] = [];
  while (fates.length < fateCount) fates.push(chooseFate(choices, fates.length, processes));
  const refreshTokens = (['always', 'never', 'first'] as const)[weighted(6, 2, 1)] as Plan['refreshTokens'];
  const refreshAheadMs = [0, 60_000, 600_000][weighted(4, 1, 1)] as number;
  const someNeedMore = weighted(4, 1) === 1;
  const grantsLess = someNeedMore && weighted(1, 1) === 1;
  const givesData = weighted(1, 1) === 1;
  // What could not be stored is kept in memory, where a late answer must not take its place: only together they show it.
  const storeFaultOneIn = storeLateOneIn > 0 && weighted(1, 2) === 1 ? 8 : faultsAlone;
  const storeIsSilent = weighted(9, 1) === 1 && store !== 'file';
  const expirySkewMs = [undefined, 0, 7_200_000][weighted(6, 1, 1)];
  const scopes = (['in order', 'in another order', 'left out'] as const)[weighted(2, 1, 1)] as Plan['scopes'];
  const cutsTokens = weighted(5, 1) === 1;
  const redeemsEarlyMs = [0, 20_000, 40_000][weighted(2, 1, 1)] as number;
  const changesObjects = weighted(1, 1) === 1;
  const revokes = weighted(1, 1) === 1;
  const listenerFails = weighted(3, 1) === 1;
  // biome-ignore format: one line each would fill the screen
  return {
    provider, lifetimeMs, store, tells, storeFaultOneIn, storeLateOneIn, networkFaultOneIn, personFaultOneIn, processes,
    stranger, stored, obeys, usesRedeem, lastIsSilent,
    refreshTokens, expirySkewMs, refreshAheadMs, someNeedMore, grantsLess, givesData, storeIsSilent, scopes, cutsTokens,
    redeemsEarlyMs, changesObjects, revokes, listenerFails, actions, fates,
  };
}

const methods = ['getToken', 'signIn', 'signOut', 'close', 'read', 'peek'] as const;
const kinds = [...methods, 'need more', 'revoke', 'outage', 'foreign sign-in'] as const;
const kindWeights = [20, 5, 3, 1, 1, 1, 2, 1, 2, 1];
/** Where a schedule goes another way, what is rare else is not. */
const moreKindWeights = [8, 4, 3, 1, 1, 1, 2, 3, 2, 3];
const companions = [...methods, 'need more'] as const;

function chooseAction(
  choices: Choices,
  index: number,
  {
    processes,
    before,
    lifetimeMs = 3_600_000,
    weights,
  }: { processes: number; before: number; lifetimeMs: number | undefined; weights: readonly number[] },
): Action {
  const stream = streams.actions + index;
  const weighted = (...weights: number[]): number => choices.weighted(stream, weights);
  const kind = kinds[weighted(...weights)] as Action['kind'];
  // A refresh ahead begins after 100 ms, and in the second half of a life.
  const nearEnd = lifetimeMs - skewOf(lifetimeMs) + 500;
  const delays = [0, 100, 5_000, 40_000, lifetimeMs + 1_000, nearEnd, Math.round(0.55 * lifetimeMs), 70_000];
  const delayMs = delays[weighted(12, 3, 2, 2, 2, 2, 1, 1)] as number;
  const process = choices.isRare(stream, 3) ? before : choices.below(stream, processes);
  const request = chooseRequest(choices, stream, { kind, lifetimeMs });
  const isAccompanied = weighted(3, 2) === 1;
  const other = companions[weighted(8, 3, 4, 2, 1, 1, 2)] as NonNullable<Action['companion']>['kind'];
  // At once, or while answers come.
  const moments = choices.isRare(stream, 3) ? 0 : choices.below(stream, 24);
  const companion = { ...chooseRequest(choices, stream, { kind: other, lifetimeMs }), kind: other, moments };
  return { ...request, kind, delayMs, process, companion: isAccompanied ? companion : undefined };
}

function chooseRequest(
  choices: Choices,
  stream: number,
  { kind, lifetimeMs }: { kind: Action['kind']; lifetimeMs: number },
): Request {
  const forceRefresh = choices.isRare(stream, 3);
  const interactive = choices.weighted(stream, [2, 1]) === 0;
  const abortAfterMs = [undefined, 0, 50, 10_000, 31_000][choices.weighted(stream, [12, 1, 1, 1, 1])];
  const thenExits = !choices.isRare(stream, 3) && kind === 'close';
  const minValid = [undefined, 60_000, 0.5 * lifetimeMs, 0.9 * lifetimeMs, 0.95 * lifetimeMs][
    choices.weighted(stream, [9, 1, 1, 1, 1])
  ];
  let options: CallOptions = {};
  if (kind === 'getToken')
    options = { interactive, ...(forceRefresh && { forceRefresh }), ...(minValid && { minValid }) };
  return { options, abortAfterMs, thenExits };
}

function chooseFate(choices: Choices, index: number, processes: number): Fate {
  const stream = streams.actions + maxActions + index;
  const kind = (['kill', 'stop', 'set clock', 'slip'] as const)[choices.weighted(stream, [3, 3, 2, 2])] as Fate['kind'];
  const process = choices.below(stream, processes);
  const moment = choices.below(stream, 30);
  const stops = [100, 14_000, 16_000, 40_000, 200_000];
  const jumps = [60_000, -60_000, 3_600_000, -3_600_000, 400_000];
  const slips = [0, 16_000, 5_000, -16_000, -5_000];
  const times = { stop: stops, kill: stops, 'set clock': jumps, slip: slips }[kind];
  const milliseconds = times[choices.below(stream, times.length)] as number;
  return { kind, process, moment, milliseconds };
}

/** What happens besides where a schedule goes another way. */
export function chooseMore(choices: Choices, { processes, lifetimeMs }: Plan): More<Action, Fate> {
  const around = { processes, before: 0, lifetimeMs, weights: moreKindWeights };
  return more(choices, {
    action: (index) => chooseAction(choices, index, around),
    fate: (index) => chooseFate(choices, index, processes),
  });
}

/** What a process or another one is told to do, perhaps, while it waits for long. */
export function chooseMeanwhile(
  choices: Choices,
  { processes, lifetimeMs }: Plan,
  process: number,
): Action | undefined {
  if (!choices.isRare(streams.meanwhile, 3)) return undefined;
  const weights = moreKindWeights;
  const action = chooseAction(choices, meanwhileAction, { processes, before: process, lifetimeMs, weights });
  const isOther = choices.isRare(streams.meanwhile, 2);
  return { ...action, delayMs: Math.min(action.delayMs, 5_000), ...(!isOther && { process }) };
}

/** For a person who reads a trace. */
export function describePlan(plan: Plan): string {
  const { actions: _actions, fates: _fates, ...rest } = plan;
  return Object.entries(rest)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ');
}
