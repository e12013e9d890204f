import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { filesBeside, newStore } from '../test/lock-holders.ts';

test('never two threads of one process hold the lock at once', async () => {
  using store = newStore();
  const inside = new SharedArrayBuffer(8);
  const file = new URL('../test/programs/thread.ts', import.meta.url);
  const workers = Array.from(
    { length: 3 },
    () => new Worker(file, { workerData: { path: store.path, rounds: 20, inside }, execArgv: [] }),
  );
  await Promise.all(
    workers.map((worker) => new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))),
  );
  assert.is(new Int32Array(inside)[1], 60);
  assert.equal(filesBeside(store), ['tokens.db']);
});

test.run();
