import { syncBuiltinESMExports } from 'node:module';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Stopwatch } from '../src/lock/lease.ts';

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
    assert.ok(elapsed <= performance.now() - start, 'it is ahead of the clock');
  }
});

test('a process that has to wait for the processor between two readings has not slept, and measures as exactly', () => {
  const start = performance.now();
  const stopwatch = new Stopwatch();
  const waitFirst = (uptime: number): number => {
    while (performance.now() < start + 200);
    // The uptime is less exact than the monotonic clock.
    return uptime + 0.23;
  };
  withUptime(waitFirst, () => {
    const elapsed = stopwatch.elapsedMs;
    assert.ok(elapsed <= performance.now() - start, `${elapsed} ms`);
  });
});

test('time in which the machine slept counts', () => {
  const stopwatch = new Stopwatch();
  withUptime(
    (uptime) => uptime + 3_600,
    () => assert.ok(stopwatch.elapsedMs > 3_599_000),
  );
});

test.run();
