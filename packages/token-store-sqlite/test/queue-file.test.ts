import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { filesBeside, holder, neverRuns, newStore, queueFile, queueOf, until, waiter } from './lock-holders.ts';

test('a waiter that gives up leaves the queue', async () => {
  using store = newStore();
  const first = await holder(store);
  const impatient = await waiter(store, 0, 100);
  assert.is(await impatient.line(), `STORE_BUSY ${first.pid}`);
  const controller = new AbortController();
  const aborted = store.exclusively('app', neverRuns, { signal: controller.signal });
  await until(() => queueOf(store).includes(`wait ${process.pid}-`));
  controller.abort('enough');
  assert.is(await aborted.catch((reason: unknown) => reason), 'enough');
  for (const line of queueOf(store).matchAll(/^wait (\S+)/gm)) assert.match(queueOf(store), `done ${line[1]}`);
  first.kill('SIGKILL');
});

test('a waiter that gives up removes the files if the holder left them to it', async () => {
  using store = newStore();
  const first = await holder(store, 'app', 100);
  const controller = new AbortController();
  const aborted = store.exclusively('app', neverRuns, { signal: controller.signal });
  await until(() => queueOf(store).includes(`wait ${process.pid}-`));
  // Blocks this process until the holder has released the lock, so that the waiter aborts before it looks.
  const asleep = new Int32Array(new SharedArrayBuffer(4));
  for (const end = Date.now() + 5_000; !queueOf(store).includes(`done ${first.pid}-`) && Date.now() < end; ) {
    Atomics.wait(asleep, 0, 0, 10);
  }
  controller.abort('enough');
  assert.is(await aborted.catch((reason: unknown) => reason), 'enough');
  assert.equal(filesBeside(store), ['tokens.db']);
});

test('a queue file of killed processes, whose ids other processes have by now, costs time but not the lock', async () => {
  // A container that is killed and started again leaves such a file: its programs get the same process ids again.
  const left = `hold killed-holder ${process.ppid}\nwait killed-waiter ${process.ppid} ${Date.now() + 60_000}\n`;
  for (const timeout of [100, 60_000]) {
    using store = newStore();
    const file = await store.exclusively('app', async () => queueFile(store) ?? '');
    writeFileSync(file, left);
    const started = performance.now();
    assert.is(await store.exclusively('app', async () => 'my turn', { timeout }), 'my turn');
    const waited = performance.now() - started;
    assert.ok(waited < 10_000, `${waited} ms`);
  }
});

test('callers of one process take turns in order even if the queue file cannot be written', async () => {
  using store = newStore();
  const name = await store.exclusively('app', async () => filesBeside(store).find((file) => file.endsWith('-queue')));
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

test('a queue file that has grown long is rewritten', async () => {
  using store = newStore();
  const program = await holder(store);
  const turn = store.exclusively('app', async () => queueOf(store));
  await until(() => queueOf(store).includes(`wait ${process.pid}-`));
  const padding = Array.from({ length: 2_000 }, (_, index) => `wait gone-${index} 1 5\ndone gone-${index}\n`).join('');
  appendFileSync(queueFile(store) ?? '', padding);
  program.kill('SIGKILL');
  const queue = await turn;
  assert.ok(queue.length < 1_000, `${queue.length} bytes`);
  assert.match(queue, `hold ${process.pid}-`);
});

test.run();
