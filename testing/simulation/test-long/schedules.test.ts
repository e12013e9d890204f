// Takes about 12 s.
import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { describeRun, runSchedules } from '../src/run-schedules.ts';
import { loadSharedToken } from '../src/schedule.ts';

/** Behind those of test/, unless `SIMULATION_SEED` says another one. */
const firstSeed = Number(process.env.SIMULATION_SEED ?? 2_001);
const schedules = 1_000_000;
/** `SIMULATION_SECONDS=200` looks as far as a release wants it; the same schedules every time prove little. */
const cpuSeconds = Number(process.env.SIMULATION_SECONDS ?? 10);

test(`shared-token keeps its promises in ${schedules} schedules, or as many as ${cpuSeconds} s of a processor allow`, async () => {
  const world = await loadSharedToken();
  const run = await runSchedules(world, { firstSeed, schedules, cpuSeconds });
  console.log(describeRun(run, firstSeed));
  assert.equal(run.found, undefined, run.found?.text);
  assert.ok(run.schedules > 5_000, `${run.schedules} schedules`);
});

test.run();
