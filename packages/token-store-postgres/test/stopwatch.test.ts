import { syncBuiltinESMExports } from 'node:module';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Lock, PostgresTokenStore } from '../src/index.ts';
import { Stopwatch } from '../src/lock/lease.ts';
import { statementsFor } from '../src/statements.ts';
import { errorOf } from './attempt.ts';
import { deadlineMs, LockWatch, until } from './lock-watch.ts';
import { startScene } from './scene.ts';
import { type Fate, UnreliablePool } from './unreliable-pool.ts';

const { scene, test: testWithDatabase } = await startScene();

/** Runs `work` while the system's uptime is what `replacement` makes of it. */
async function withUptime<T>(replacement: (uptime: number) => number, work: () => T): Promise<Awaited<T>> {
  const module = process.getBuiltinModule('node:os');
  const { uptime } = module;
  module.uptime = () => replacement(uptime());
  syncBuiltinESMExports();
  try {
    return await work();
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

for (const [platform, stepMs] of Object.entries({ linux: 10, darwin: 1_000 }))
  test(`${platform}: time in which the machine slept counts, and a step of its clock does not`, async () => {
    const original = process.platform;
    Object.defineProperty(process, 'platform', { value: platform });
    const start = performance.now();
    const stopwatch = await withUptime(
      () => 1_000,
      () => new Stopwatch(),
    );
    const elapsedAt = (uptime: number): Promise<number> =>
      withUptime(
        () => uptime,
        () => stopwatch.elapsedMs,
      );
    assert.ok((await elapsedAt(1_000 + stepMs / 1_000)) <= performance.now() - start);
    assert.ok((await elapsedAt(4_600)) > 3_600_000 - 1.5 * stepMs);
    Object.defineProperty(process, 'platform', { value: original });
  });

for (const [how, call] of Object.entries<(store: PostgresTokenStore, lock: Lock) => unknown>({
  'its next read': (store) => store.get('app'),
  'its next write, if that fails': (store) => errorOf(store.set('app', { refreshToken: 'first' })),
  'its lock': (_, lock) => lock.signal,
}))
  testWithDatabase(`a task whose machine slept learns from ${how} that its lock may be lost`, async () => {
    const schema = scene.newSchema();
    const store = await scene.open({ schema });
    await scene.cluster.query(`ALTER TABLE ${schema}.oauth_token ADD CHECK (record IS NULL)`);
    await store.exclusively('app', async (lock) => {
      const { signal } = lock;
      await withUptime(
        (uptime) => uptime + 3_600,
        () => call(store, lock),
      );
      assert.ok(signal.aborted);
    });
  });

testWithDatabase('a process does not end before a call is tried again', async () => {
  const fates: Fate[] = [];
  const decide = (): Fate => fates.shift() ?? { type: 'normal' };
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), decide));
  const store = await scene.open({ pool });
  fates.push({ type: 'lost' }, { type: 'lost' }, { type: 'lost' });
  const reading = store.get('app');
  // Then it pauses for 300 ms, with no connection.
  do await new Promise((resolve) => setImmediate(resolve));
  while (fates.length > 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(process.getActiveResourcesInfo().includes('Timeout'));
  await reading;
});

testWithDatabase('what was asked before a connection listened, and is answered later, is asked again', async () => {
  const schema = scene.newSchema();
  const answers = Promise.withResolvers<void>();
  const fates: Fate[] = [{ type: 'delayed', after: answers.promise }];
  const decide = (text: string): Fate => (text.includes('unnest') && fates.shift()) || { type: 'normal' };
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), decide));
  const [store, other] = [await scene.open({ schema, pool }), await scene.open({ schema })];
  await store.get('app');
  const { now } = performance;
  // What it has read is so old that it looks.
  performance.now = () => now.call(performance) + 10_000;
  try {
    const change = store.changed('app', { timeout: deadlineMs });
    await until('it looks', async () => fates.length === 0);
    await other.set('app', { refreshToken: 'first' });
    await new LockWatch(scene).untilListening(schema, 1);
    answers.resolve();
    await within('the change', change, 3_000);
  } finally {
    performance.now = now;
  }
});

testWithDatabase('a store whose connection that listens was lost listens again later', async () => {
  const schema = scene.newSchema();
  const watch = new LockWatch(scene);
  const [store, stop] = [await scene.open({ schema }), new AbortController()];
  await store.get('app');
  const change = store.changed('app', { timeout: deadlineMs, signal: stop.signal }).catch(() => {});
  await watch.untilListening(schema, 1);
  const listening = `query = 'LISTEN ${statementsFor(schema, 'oauth_token').channel}'`;
  await scene.cluster.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${listening}`);
  await watch.untilListening(schema, 0);
  const { now } = performance;
  performance.now = () => now.call(performance) + 10_000;
  try {
    await within('a new session', watch.untilListening(schema, 1), 10_000);
  } finally {
    performance.now = now;
    stop.abort();
    await change;
  }
});

test.run();
