import { syncBuiltinESMExports } from 'node:module';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Stopwatch } from '../src/lock/lease.ts';
import { startScene } from './scene.ts';

const { scene, test: testWithDatabase } = await startScene();

/** Runs `work` while the system's uptime is what `replacement` makes of it. */
async function withUptime(replacement: (uptime: number) => number, work: () => unknown): Promise<void> {
  const module = process.getBuiltinModule('node:os');
  const { uptime } = module;
  module.uptime = () => replacement(uptime());
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    module.uptime = uptime;
    syncBuiltinESMExports();
  }
}

test('it measures what the monotonic clock does', () => {
  const start = performance.now();
  const stopwatch = new Stopwatch();
  const created = performance.now();
  for (let round = 0; round < 5_000; round++) {
    const before = performance.now();
    const elapsed = stopwatch.elapsedMs;
    assert.ok(elapsed >= before - created, 'it is behind the clock');
    assert.ok(elapsed <= performance.now() - start, 'it is ahead of the clock');
  }
});

test('time in which the machine slept counts', async () => {
  const stopwatch = new Stopwatch();
  await withUptime(
    (uptime) => uptime + 3_600,
    () => assert.ok(stopwatch.elapsedMs > 3_598_000),
  );
});

testWithDatabase('a task whose machine slept learns from its next read that its lock may be lost', async () => {
  const store = await scene.open();
  await store.exclusively('app', async ({ signal }) => {
    await withUptime(
      (uptime) => uptime + 3_600,
      () => store.get('app'),
    );
    assert.ok(signal.aborted);
  });
});

test.run();
