import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { runSchedule } from '../src/run-schedule.ts';
import { loadSharedToken } from '../src/schedule.ts';

test('a seed always gives the same schedule, step by step, whatever ran before', async () => {
  const world = await loadSharedToken();
  const first = await runSchedule(world, { seed: 77, isKept: true });
  await runSchedule(world, { seed: 78 });
  const again = await runSchedule(await loadSharedToken(), { seed: 77, isKept: true });
  assert.ok(first.trace.length > 20, `${first.trace.length} lines`);
  assert.deepEqual(again.trace, first.trace);
});

test('the choices of a schedule give the same schedule again, without the seed', async () => {
  const world = await loadSharedToken();
  const first = await runSchedule(world, { seed: 77, isKept: true });
  const again = await runSchedule(world, { seed: 1, given: first.choices, isKept: true });
  assert.deepEqual(again.trace, first.trace);
});

test.run();
