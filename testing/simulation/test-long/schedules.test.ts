// Takes about 300 s.
import * as assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import { describeRun, type Run } from '../src/run-schedules.ts';

/** Behind those of test/, unless `SIMULATION_SEED` says another one. */
const firstSeed = Number(process.env.SIMULATION_SEED ?? 20_001);
const schedules = 1_000_000;
const cpuSeconds = 300;
/** More in one process would need too much memory. */
const chunk = 50_000;

function runChunk(first: number, cpuLeft: number): Run {
  const program = fileURLToPath(new URL('../src/run-chunk.ts', import.meta.url));
  const args = [program, `${first}`, `${chunk}`, `${cpuLeft}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

test('shared-token keeps its promises in 1,000,000 schedules, or as many as 5 minutes of a processor allow', () => {
  let all: Run = { schedules: 0, steps: 0, cpuSeconds: 0, found: undefined };
  while (all.schedules < schedules && all.cpuSeconds < cpuSeconds && !all.found) {
    const run = runChunk(firstSeed + all.schedules, cpuSeconds - all.cpuSeconds);
    all = {
      schedules: all.schedules + run.schedules,
      steps: all.steps + run.steps,
      cpuSeconds: all.cpuSeconds + run.cpuSeconds,
      found: run.found,
    };
  }
  console.log(describeRun(all, firstSeed));
  assert.equal(all.found, undefined, all.found?.text);
  assert.ok(all.schedules > 20_000, `${all.schedules} schedules`);
});

test.run();
