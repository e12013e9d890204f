import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { filesBeside, holder, newStore, waiter } from '../test/lock-holders.ts';
import { type Program, startProgram } from '../test/start-program.ts';

test('processes get the lock in the order in which they came', async () => {
  using store = newStore();
  const first = await holder(store);
  const waiters: Program[] = [];
  for (let index = 0; index < 4; index++) waiters.push(await waiter(store, 30));
  const order: number[] = [];
  const served = waiters.map(async (program, index) => {
    assert.is(await program.line(), 'holds');
    order.push(index);
    assert.is(await program.line(), 'done');
  });
  first.kill('SIGKILL');
  await Promise.all(served);
  assert.equal(order, [0, 1, 2, 3]);
});

test('of eight processes that acquire the lock as often as they can, never two hold it at once', async () => {
  using store = newStore();
  const programs = Array.from({ length: 8 }, () => startProgram('take-turns', [store.path, 15, 30_000]));
  for (const program of programs) {
    const { output } = await program.ended;
    assert.is(JSON.parse(output).length, 15);
  }
  assert.equal(filesBeside(store).sort(), ['tokens.db', 'tokens.db.turns']);
});

test('never two threads of one process hold the lock at once', async () => {
  using store = newStore();
  const inside = new SharedArrayBuffer(8);
  const file = new URL('../test/programs/thread.ts', import.meta.url);
  const workers = Array.from(
    { length: 3 },
    () => new Worker(file, { workerData: { path: store.path, rounds: 20, inside } }),
  );
  await Promise.all(
    workers.map((worker) => new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))),
  );
  assert.is(new Int32Array(inside)[1], 60);
  assert.equal(filesBeside(store), ['tokens.db']);
});

test.run();
