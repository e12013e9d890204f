/**
 * `node src/enumerate.ts [--calls 2] [--trouble 0] [--provider strict] [--store kernel] [--minutes 60]`: runs every schedule of a small
 * world, not some that are drawn: two processes with one stored sign-in, and every pair of programs of so many calls. At each step, each one
 * that is due may be next. At each moment of a process, as long as less than `--trouble` has happened, it may be killed, its clock may be
 * set, its lease may end, and a call of the store or of the provider may fail, with and without its effect, or come late.
 */
import { parseArgs } from 'node:util';
import { Choices, streams } from './machine/choices.ts';
import type { Patch } from './machine/load-package.ts';
import type { Machine, Process } from './machine/machine.ts';
import type { StoreKind } from './models/model-store.ts';
import type { ProviderKind } from './models/provider.ts';
import type { Action, Plan } from './plan/plan.ts';
import { runSchedule } from './run-schedule.ts';
import { loadSharedToken } from './schedule.ts';

export interface SmallWorld {
  /** Of each of the two processes. */
  readonly calls: number;
  readonly trouble: number;
  readonly provider: ProviderKind;
  readonly store: StoreKind;
  readonly minutes?: number;
  readonly patches?: readonly Patch[];
}

export interface Enumeration {
  readonly schedules: number;
  /** How many of them came to a state that was known, and were not continued. */
  readonly cut: number;
  readonly states: number;
  readonly mostChoices: number;
  readonly mostSteps: number;
  readonly isComplete: boolean;
  /** The first broken promise, with the trace. */
  readonly broken: string | undefined;
}

/** Takes the choices of a schedule from a counter that runs through all of them. Choices that are not listed are 0. */
class CountedChoices extends Choices {
  readonly values: number[];
  readonly bounds: number[] = [];
  #left: number;

  constructor(prefix: readonly number[], trouble: number) {
    super(0);
    this.values = [...prefix];
    this.#left = trouble;
  }

  get left(): number {
    return this.#left;
  }

  override below(stream: number, bound: number): number {
    return stream === streams.order && bound > 1 ? this.#next(bound) : 0;
  }

  override isRare(): boolean {
    return false;
  }

  override weighted(): number {
    return 0;
  }

  override rarelyBelow(): number {
    return 0;
  }

  override trouble(kinds: number): number {
    const kind = this.#left > 0 && kinds > 0 ? this.#next(kinds + 1) : 0;
    if (kind > 0) this.#left--;
    return kind;
  }

  /** The choices of the next schedule. Undefined: this was the last one. */
  nextPrefix(): number[] | undefined {
    for (let index = this.bounds.length - 1; index >= 0; index--) {
      const value = (this.values[index] ?? 0) + 1;
      if (value < (this.bounds[index] ?? 0)) return [...this.values.slice(0, index), value];
    }
    return undefined;
  }

  #next(bound: number): number {
    const index = this.bounds.push(bound) - 1;
    this.values[index] ??= 0;
    return this.values[index] ?? 0;
  }
}

/** Between the records and the locks in what the processes share. */
const lockMark = 'locks';
const wasCut = 'this state is known';

export async function enumerate(world: SmallWorld): Promise<Enumeration> {
  const sum = { schedules: 0, cut: 0, states: 0, mostChoices: 0, mostSteps: 0, isComplete: true };
  const end = performance.now() + (world.minutes ?? 60) * 60_000;
  for (const [one, other] of pairsOf(programsOf(world.calls))) {
    const subject = await loadSharedToken(world.patches, planOf(world, [one, other]));
    const known = new Set<number>();
    for (let prefix: number[] | undefined = []; prefix; ) {
      if (performance.now() > end)
        return { ...sum, states: sum.states + known.size, isComplete: false, broken: undefined };
      const choices: CountedChoices = new CountedChoices(prefix, world.trouble);
      const { length } = prefix;
      const prepare = (machine: Machine): void => {
        machine.onStep = watch(machine, choices, known, length);
      };
      const result = await runSchedule(subject, { seed: 0, choices, prepare });
      sum.schedules++;
      sum.mostChoices = Math.max(sum.mostChoices, choices.bounds.length);
      sum.mostSteps = Math.max(sum.mostSteps, result.steps);
      if (result.failure === wasCut) sum.cut++;
      else if (result.failure !== undefined) {
        const again = new CountedChoices(choices.values, world.trouble);
        const { trace } = await runSchedule(subject, { seed: 0, choices: again, isKept: true, prepare: anyOrder });
        const broken = [...trace, `Broken promise of ${one} | ${other}:`, result.failure].join('\n');
        return { ...sum, states: sum.states + known.size, isComplete: false, broken };
      }
      prefix = choices.nextPrefix();
    }
    sum.states += known.size;
  }
  return { ...sum, broken: undefined };
}

function anyOrder(machine: Machine): void {
  machine.onStep = () => {
    machine.order = 'any';
  };
}

/**
 * Ends a schedule at a state that another one has come to, with as much trouble left. The code of a process is determined by what it has
 * observed: its own steps, in their order, with the time and what the processes shared when each was taken. So equal observations, an equal
 * agenda and equal shared state have the same futures. The judge also remembers in which order steps of different processes came; what it
 * says of an order that was cut, it has said of another one that no process can tell from it.
 */
function watch(machine: Machine, choices: CountedChoices, known: Set<number>, prefixLength: number) {
  const observed = new Map<number, number>();
  return (process: Process | undefined, label: string): void => {
    // The schedule chooses an order of its own when all trouble is over.
    if (!machine.describe) return;
    machine.order = 'any';
    const shared = machine.describeWorld();
    const [, server, locked] = /of process (\d+) arrives$|^process (\d+) asks/.exec(label) ?? [];
    const id = process?.id ?? Number(server ?? locked ?? 0);
    // What arrives at the store or at the provider finds what is there, and that is answered. Other steps bring what their label says.
    if (id > 0)
      observed.set(id, hash(`${label} ${machine.now} ${server ? shared.split(lockMark)[0] : ''}`, observed.get(id)));
    const state = [...observed].sort(([one], [other]) => one - other).join();
    const key = hash(`${state} ${shared} ${machine.now} ${choices.left} ${machine.describeAgenda()}`);
    if (choices.bounds.length < prefixLength) return;
    if (known.has(key) && choices.bounds.length > prefixLength) machine.fail(new Error(wasCut));
    known.add(key);
  };
}

/** 53 bits. */
function hash(text: string, start = 0): number {
  let [low, high] = [start | 0 || 0xdeadbeef, Math.floor(start / 2 ** 32) || 0x41c6ce57];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 0x9e3779b1);
    high = Math.imul(high ^ code, 0x5f356495);
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  return 2 ** 32 * (high & 0x1fffff) + (low >>> 0);
}

const calls = ['getToken', 'forced getToken', 'signIn', 'signOut', 'close'] as const;
type Program = readonly (typeof calls)[number][];

function programsOf(length: number): Program[] {
  if (length === 0) return [[]];
  return programsOf(length - 1).flatMap((program) => calls.map((call) => [...program, call]));
}

/** Each pair once: the processes are alike. */
function* pairsOf(programs: readonly Program[]): Generator<[Program, Program]> {
  for (const [index, one] of programs.entries()) for (const other of programs.slice(index)) yield [one, other];
}

function planOf({ provider, store, calls }: SmallWorld, programs: readonly [Program, Program]): Plan {
  const actions: Action[] = [];
  for (let turn = 0; turn < calls; turn++) {
    for (const [process, program] of programs.entries()) {
      const call = program[turn] as Program[number];
      const kind = call === 'forced getToken' ? 'getToken' : call;
      const options = call === 'forced getToken' ? { forceRefresh: true } : {};
      actions.push({
        kind,
        options,
        process,
        delayMs: 0,
        abortAfterMs: undefined,
        thenExits: false,
        companion: undefined,
      });
    }
  }
  return {
    ...{ provider, store, actions, fates: [], processes: 2, stranger: 'none', stored: 'expired', tells: true },
    ...{
      lifetimeMs: 3_600_000,
      refreshTokens: 'always',
      scopes: 'in order',
      cutsTokens: false,
      expirySkewMs: undefined,
    },
    ...{ storeFaultOneIn: 0, storeLateOneIn: 0, storeIsSilent: false, networkFaultOneIn: 0, personFaultOneIn: 0 },
    ...{ obeys: true, usesRedeem: true, redeemsEarlyMs: 0, lastIsSilent: false, refreshAheadMs: 0, revokes: false },
    ...{ someNeedMore: false, grantsLess: false, givesData: false, changesObjects: false, listenerFails: false },
  };
}

if (import.meta.main) {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const options = {
    calls: text('2'),
    trouble: text('0'),
    provider: text('strict'),
    store: text('kernel'),
    minutes: text('60'),
  };
  const { calls, trouble, minutes, ...kinds } = parseArgs({ options }).values;
  const world = { ...kinds, calls: Number(calls), trouble: Number(trouble), minutes: Number(minutes) } as SmallWorld;
  const { broken, ...counts } = await enumerate(world);
  console.log(JSON.stringify({ ...world, ...counts, broken: broken ? 1 : 0 }));
  if (broken) console.log(broken);
  process.exitCode = counts.isComplete ? 0 : 1;
}
