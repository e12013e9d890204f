import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openFiles } from 'testing-authority/open-files';
import { until } from 'testing-authority/until';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DatabaseFile } from '../src/database/database-file.ts';
import { LockFile } from '../src/lock/lock-file.ts';
import { lockPathsOf } from '../src/lock/lock-paths.ts';
import { filesBeside, holder, isWaitedFor, neverRuns, newStore, waiter } from './lock-holders.ts';

const posix = process.platform === 'win32' ? test.skip : test;

test('a caller lets the one at the gate go first, until its own time is up', async () => {
  using store = newStore();
  const gate = new LockFile(lockPathsOf(store.path, 'app').gate, new DatabaseFile(store.path, { readOnly: false }));
  assert.ok(gate.tryLock());
  // Older than the pause between two tries without the gate, so that its age cannot count as a wait.
  await delay(Math.max(0, 1_100 - performance.now()));
  const started = performance.now();
  await store.exclusively('app', async () => {}, { timeout: 100 });
  assert.ok(performance.now() - started > 99);
  gate.remove();
});

test('a waiter that gives up, or is aborted, keeps no other one waiting', async () => {
  using store = newStore();
  const first = await holder(store);
  const impatient = await waiter(store, 0, 100);
  const controller = new AbortController();
  const aborted = store.exclusively('app', neverRuns, { signal: controller.signal });
  assert.is(await impatient.line(), `STORE_BUSY ${first.pid}`);
  controller.abort('enough');
  assert.is(await aborted.catch((reason: unknown) => reason), 'enough');
  const turn = store.exclusively('app', async () => performance.now());
  await until(() => isWaitedFor(store));
  const killed = performance.now();
  first.kill('SIGKILL');
  assert.ok((await turn) - killed < 1_000);
  assert.equal(filesBeside(store), ['tokens.db']);
});

(process.platform === 'linux' ? test : test.skip)(
  'a holder that leaves the lock to another process has none of its files open any more',
  async () => {
    using store = newStore();
    const next = await store.exclusively('app', () => waiter(store));
    assert.equal(
      openFiles().filter((path) => path.includes('-lock-')),
      [],
    );
    await next.ended;
  },
);

test('a waiter that gives up removes the files if the holder left them to it', async () => {
  using store = newStore();
  const first = await holder(store, 'app', 100);
  const controller = new AbortController();
  const aborted = store.exclusively('app', neverRuns, { signal: controller.signal });
  await until(() => isWaitedFor(store));
  // Blocks this process until the holder has released the lock, so that the waiter aborts before it looks.
  const asleep = new Int32Array(new SharedArrayBuffer(4));
  const isHeld = (): boolean => filesBeside(store).some((file) => file.endsWith('-holder'));
  for (const end = Date.now() + 5_000; isHeld() && Date.now() < end; ) Atomics.wait(asleep, 0, 0, 10);
  Atomics.wait(asleep, 0, 0, 100);
  controller.abort('enough');
  assert.is(await aborted.catch((reason: unknown) => reason), 'enough');
  assert.is(await first.line(), 'done');
  assert.equal(filesBeside(store), ['tokens.db']);
});

posix('a waiter that is killed or stopped does not keep the others waiting', async () => {
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    using store = newStore();
    const first = await holder(store);
    const gone = await waiter(store);
    gone.kill(signal);
    const turn = store.exclusively('app', async () => performance.now());
    await delay(100);
    const released = performance.now();
    first.kill('SIGKILL');
    const waited = (await turn) - released;
    assert.ok(waited < 3_000, `${signal}: ${waited} ms`);
    gone.kill('SIGKILL');
    await gone.ended;
    await store.exclusively('app', async () => {});
    assert.equal(filesBeside(store), ['tokens.db']);
  }
});

test('what killed processes have left costs neither the lock nor time', async () => {
  using store = newStore();
  const files = await store.exclusively('app', async () => filesBeside(store));
  const lock = files.find((file) => file.endsWith('-holder'))?.replace(/-holder$/, '') ?? '';
  // A container that is killed and started again leaves such a file: its programs get the same process ids again.
  writeFileSync(join(store.path, '..', `${lock}-holder`), `${process.ppid} ${Date.now()}`);
  for (const file of [lock, `${lock}-gate`]) writeFileSync(join(store.path, '..', file), '');
  const started = performance.now();
  assert.is(await store.exclusively('app', async () => 'my turn'), 'my turn');
  assert.ok(performance.now() - started < 1_000);
  assert.equal(filesBeside(store), ['tokens.db']);
});

test('callers of one process take turns in order even if no file can say who holds the lock', async () => {
  using store = newStore();
  const name = await store.exclusively('app', async () => filesBeside(store).find((file) => file.endsWith('-holder')));
  mkdirSync(join(store.path, '..', String(name)));
  const order: number[] = [];
  const tasks = Array.from({ length: 10 }, (_, index) =>
    store.exclusively('app', async () => {
      await delay(1);
      order.push(index);
    }),
  );
  await Promise.all(tasks);
  assert.equal(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test.run();
