import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { describeRun, runSchedules } from './run-schedules.ts';
import type { World } from './world.ts';

/** A test that no promise is broken from that seed on, unless `SIMULATION_SEED` says another one. The time has to allow `least`. */
export function testSchedules(
  load: () => Promise<World>,
  {
    firstSeed = 1,
    least = 1,
    ...limits
  }: { firstSeed?: number; schedules: number; cpuSeconds?: number; least?: number },
): void {
  const first = Number(process.env.SIMULATION_SEED ?? firstSeed);
  test(`no promise is broken in ${limits.schedules} schedules, or as many as the time allows`, async () => {
    const run = await runSchedules(await load(), { firstSeed: first, ...limits });
    console.log(describeRun(run, first));
    assert.equal(run.found, undefined, run.found?.text);
    assert.ok(run.schedules >= least, `${run.schedules} schedules`);
  });
}
