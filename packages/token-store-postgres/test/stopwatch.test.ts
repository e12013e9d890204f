import { syncBuiltinESMExports } from 'node:module';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Stopwatch } from '../src/lock/lease.ts';

/** Linux counts the uptime in hundredths of a second, other systems less exactly. */
const uptimeErrorMs = process.platform === 'linux' ? 10 : 1_000;

/** Runs `work` while the system's uptime is what `replacement` makes of it. */
function withUptime(replacement: (uptime: number) => number, work: () => void): void {
  const module = process.getBuiltinModule('node:os');
  const { uptime } = module;
  module.uptime = () => replacement(uptime());
  syncBuiltinESMExports();
  try {
    work();
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
    assert.ok(elapsed <= performance.now() - start + uptimeErrorMs, 'it is ahead of the clock');
  }
});

test('time in which the machine slept counts', () => {
  const stopwatch = new Stopwatch();
  withUptime(
    (uptime) => uptime + 3_600,
    () => assert.ok(stopwatch.elapsedMs > 3_599_000),
  );
});

test.run();
