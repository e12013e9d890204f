import * as assert from 'node:assert/strict';
import { test } from 'uvu';
import { loadPackage } from '../src/machine/load-package.ts';
import { runSchedule } from '../src/run-schedule.ts';
import type { Subject } from '../src/schedule.ts';

const load = async (): Promise<Subject> => (await loadPackage<Subject>('shared-token'))();

test('a seed always gives the same schedule, step by step, whatever ran before', async () => {
  const subject = await load();
  const first = await runSchedule(subject, { seed: 77, isKept: true });
  await runSchedule(subject, { seed: 78 });
  const again = await runSchedule(await load(), { seed: 77, isKept: true });
  assert.ok(first.trace.length > 20, `${first.trace.length} lines`);
  assert.deepEqual(again.trace, first.trace);
});

test('the choices of a schedule give the same schedule again, without the seed', async () => {
  const subject = await load();
  const first = await runSchedule(subject, { seed: 77, isKept: true });
  const again = await runSchedule(subject, { seed: 1, given: first.choices, isKept: true });
  assert.deepEqual(again.trace, first.trace);
});

test.run();
