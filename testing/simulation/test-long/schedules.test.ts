// Takes about 12 s.
import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { loadPackage } from '../src/machine/load-package.ts';
import { describeRun, runSchedules } from '../src/run-schedules.ts';
import type { Subject } from '../src/schedule.ts';

/** Behind those of test/, unless `SIMULATION_SEED` says another one. */
const firstSeed = Number(process.env.SIMULATION_SEED ?? 2_001);
const schedules = 1_000_000;
/** `SIMULATION_SECONDS=200` looks as far as a release wants it; the same schedules every time prove little. */
const cpuSeconds = Number(process.env.SIMULATION_SECONDS ?? 10);

test(`shared-token keeps its promises in ${schedules} schedules, or as many as ${cpuSeconds} s of a processor allow`, async () => {
  const subject = (await loadPackage<Subject>('shared-token'))();
  const run = await runSchedules(subject, { firstSeed, schedules, cpuSeconds });
  console.log(describeRun(run, firstSeed));
  assert.equal(run.found, undefined, run.found?.text);
  assert.ok(run.schedules > 5_000, `${run.schedules} schedules`);
});

test.run();
