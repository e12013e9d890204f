import { Guide, nameOf } from './guide.ts';
import { report } from './report.ts';
import { runSchedule } from './run-schedule.ts';
import { shrink } from './shrink.ts';
import type { World } from './world.ts';

export interface Run {
  readonly schedules: number;
  readonly steps: number;
  readonly cpuSeconds: number;
  /** Of the first schedule that broke a promise: its name, and what a person needs to see it. */
  readonly found: { readonly name: string; readonly text: string } | undefined;
}

export interface RunLimits {
  readonly firstSeed: number;
  readonly schedules: number;
  /** Of the processor, so that a busy machine does not change what is run. Default: no limit. */
  readonly cpuSeconds?: number;
  /** Whether a failure is made smaller, and shown. Default true. */
  readonly isShown?: boolean;
}

/** From one look at the time that was used to the next. */
const schedulesPerLook = 200;

/** Runs schedules with one seed after the other, and others in between, until one breaks a promise: see {@link Guide}. */
export async function runSchedules(world: World, limits: RunLimits): Promise<Run> {
  const { firstSeed, schedules, cpuSeconds = Number.POSITIVE_INFINITY, isShown = true } = limits;
  const { stackTraceLimit } = Error;
  // Stacks are not looked at, and take longer than all the rest of an error. V8 makes none if the limit is not a number.
  Error.stackTraceLimit = undefined as unknown as number;
  const started = process.cpuUsage();
  const used = (): number => {
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1e6;
  };
  const guide = new Guide(firstSeed);
  let steps = 0;
  let count = 0;
  try {
    for (; count < schedules; count++) {
      // The question costs a tenth of a schedule.
      if (count % schedulesPerLook === 0 && used() >= cpuSeconds) break;
      const way = guide.next();
      const result = await runSchedule(world, way);
      guide.learn(way, result.seen);
      steps += result.steps;
      if (result.failure === undefined) continue;
      const text = isShown ? report(world, way, await shrink(world, way)) : result.failure;
      return { schedules: count + 1, steps, cpuSeconds: used(), found: { name: nameOf(way), text } };
    }
    return { schedules: count, steps, cpuSeconds: used(), found: undefined };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** For a line of a test's output. */
export function describeRun({ schedules, steps, cpuSeconds }: Run, firstSeed: number): string {
  const each = steps / schedules;
  return `measured: ${schedules} schedules from seed ${firstSeed} on, ${each.toFixed(0)} steps each, ${cpuSeconds.toFixed(1)} s of processor time`;
}
