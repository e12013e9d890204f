/**
 * A worker thread that acquires the lock of `workerData.path` that many times. Fails if another thread holds it at the
 * same time.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { openTokenStore } from '../../src/index.ts';

const { path, rounds, inside } = workerData as { path: string; rounds: number; inside: SharedArrayBuffer };
const count = new Int32Array(inside);
using store = openTokenStore(path);
for (let round = 0; round < rounds; round++) {
  await store.exclusively('app', async () => {
    if (Atomics.add(count, 0, 1) !== 0) throw new Error('two threads at once');
    await delay(1);
    Atomics.sub(count, 0, 1);
    Atomics.add(count, 1, 1);
  });
}
