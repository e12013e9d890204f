import { syncBuiltinESMExports } from 'node:module';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Stopwatch } from '../src/connection/stopwatch.ts';

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

test('a process that has to wait for the processor between two readings has not slept', () => {
  const stopwatch = new Stopwatch();
  const start = performance.now();
  const waitFirst = (uptime: number): number => {
    while (performance.now() < start + 200);
    return uptime + 0.2;
  };
  withUptime(waitFirst, () => {
    const elapsed = stopwatch.elapsedMs;
    assert.ok(elapsed < performance.now() - start + 20, `${elapsed} ms`);
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
