import type { Way } from './guide.ts';
import { Choices } from './machine/choices.ts';
import { useMachine } from './machine/globals.ts';
import { killed, Machine, type Seen } from './machine/machine.ts';
import type { World } from './world.ts';

export interface Result {
  /** Which promise was broken, and how. */
  readonly failure: string | undefined;
  readonly steps: number;
  readonly trace: readonly string[];
  readonly choices: ReadonlyMap<number, number>;
  /** What it came to. */
  readonly seen: readonly Seen[];
}

export interface RunOptions extends Pick<Way, 'seed'>, Partial<Pick<Way, 'branches'>> {
  /** Instead of all choices of the seed: these, and 0 for all others. */
  readonly given?: ReadonlyMap<number, number> | undefined;
  /** Keeps the trace and the choices. */
  readonly isKept?: boolean;
  /** Instead of choices by a seed. */
  readonly choices?: Choices;
  /** Called before the schedule begins. */
  readonly prepare?: (machine: Machine) => void;
}

/** Runs one schedule from its seed to its end. */
export async function runSchedule(world: World, options: RunOptions): Promise<Result> {
  const { seed, branches, given, isKept = false } = options;
  const { choices = new Choices(seed, { given, keep: isKept }) } = options;
  const machine = new Machine(choices, { trace: isKept, branches });
  options.prepare?.(machine);
  useMachine(machine);
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => {
    // Code of a process that was killed cannot leave anything unhandled.
    if (reason !== killed) unhandled.push(reason);
  };
  process.on('unhandledRejection', onUnhandled);
  try {
    await world.run(machine);
  } catch (error) {
    machine.fail(error as Error);
  }
  // Node tells of rejections that no code handles when it has nothing else to do.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', onUnhandled);
  if (unhandled.length > 0) machine.fail(new Error(`No rejection is left unhandled\n  ${unhandled[0]}`));
  useMachine(undefined);
  const { steps, trace = [], seen } = machine;
  return { failure: machine.failure?.message, steps, trace, choices: choices.made ?? new Map(), seen };
}
