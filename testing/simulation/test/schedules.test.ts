import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { describeRun, runSchedules } from '../src/run-schedules.ts';
import { loadSharedToken } from '../src/schedule.ts';

/** `SIMULATION_SEED=N` runs that schedule alone. */
const only = process.env.SIMULATION_SEED;
const firstSeed = Number(only ?? 1);
const schedules = only === undefined ? 2_000 : 1;

test('shared-token keeps its promises in 2,000 schedules', async () => {
  const world = await loadSharedToken();
  const run = await runSchedules(world, { firstSeed, schedules });
  console.log(describeRun(run, firstSeed));
  assert.equal(run.found, undefined, run.found?.text);
  assert.equal(run.schedules, schedules);
});

test.run();
