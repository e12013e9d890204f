import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { describeRun, runSchedules } from '../src/run-schedules.ts';
import { loadSharedToken } from '../src/schedule.ts';

test('shared-token keeps its promises in 1,000 schedules', async () => {
  const firstSeed = Number(process.env.SIMULATION_SEED ?? 1);
  const run = await runSchedules(await loadSharedToken(), { firstSeed, schedules: 1_000 });
  console.log(describeRun(run, firstSeed));
  assert.equal(run.found, undefined, run.found?.text);
  assert.equal(run.schedules, 1_000);
});

test.run();
