import type { Way } from './guide.ts';
import { type Result, runSchedule } from './run-schedule.ts';
import type { World } from './world.ts';

/** The most runs that a smaller schedule is searched with. */
const maxRuns = 4_000;

/**
 * Makes a schedule that breaks a promise smaller, for a person who reads it: takes choices back, in groups and then one by one, as long
 * as the same promise is broken. A choice that is taken back is the plainest one: no fault, the oldest step first.
 */
export async function shrink(world: World, way: Way): Promise<Result> {
  let best = await runSchedule(world, { ...way, isKept: true });
  if (best.failure === undefined) return best;
  const promise = promiseOf(best);
  let runs = 0;
  const tryWith = async (given: ReadonlyMap<number, number>): Promise<boolean> => {
    if (++runs > maxRuns) return false;
    const result = await runSchedule(world, { ...way, given, isKept: true });
    const isSmaller =
      promiseOf(result) === promise && sizeOf(result) <= sizeOf(best) && result.choices.size <= given.size;
    if (isSmaller) best = result;
    return isSmaller;
  };
  for (let wasUseful = true; wasUseful && runs < maxRuns; ) {
    wasUseful = false;
    for (let group = Math.max(1, best.choices.size >> 1); group >= 1; group = group === 1 ? 0 : group >> 1) {
      for (let start = 0; start < best.choices.size; ) {
        const keys = [...best.choices.keys()].slice(start, start + group);
        const given = new Map(best.choices);
        for (const key of keys) given.delete(key);
        if (await tryWith(given)) wasUseful = true;
        else start += group;
      }
    }
    for (const [key, value] of [...best.choices]) {
      for (let smaller = 1; smaller < value && runs <= maxRuns && best.choices.has(key); smaller++) {
        if (await tryWith(new Map(best.choices).set(key, smaller))) {
          wasUseful = true;
          break;
        }
      }
    }
  }
  return best;
}

function promiseOf({ failure }: Result): string | undefined {
  return failure?.split('\n')[0];
}

function sizeOf({ choices, steps }: Result): number {
  let sum = steps;
  for (const value of choices.values()) sum += 10 + value;
  return sum;
}
