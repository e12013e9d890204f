/** hold-in-cluster.ts PATH: a worker of a cluster holds the lock of `app` for a minute. Prints its process id. */
import cluster from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import { openFileTokenStore } from '../../src/index.ts';

if (cluster.isPrimary) {
  const worker = cluster.fork().once('message', () => console.log(worker.process.pid));
} else {
  await openFileTokenStore(process.argv[2] ?? '').exclusively('app', async () => {
    process.send?.('holds');
    await delay(60_000);
  });
}
