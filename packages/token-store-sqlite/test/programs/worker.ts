/** A worker thread that opens the store at `workerData`, asks for the lock of `app`, says so, and ends when it is told to. */
import { parentPort, workerData } from 'node:worker_threads';
import { openTokenStore } from '../../src/index.ts';

const store = openTokenStore(workerData);
await store.exclusively('app', async () => {}, { timeout: 0 }).catch(() => {});
parentPort?.once('message', () => store.close());
parentPort?.postMessage('asked');
