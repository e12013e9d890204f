/** count-to.ts PATH NAME NUMBER: counts NAME to NUMBER in the main thread, and sets a name of its own in a worker thread meanwhile. */
import { Worker } from 'node:worker_threads';
import { openFileTokenStore } from '../../src/index.ts';

const [path = '', name = '', last] = process.argv.slice(2);
const url = new URL('../../src/index.ts', import.meta.url).href;
const worker = new Worker(
  `const { workerData } = require('node:worker_threads');
   import(workerData.url).then(async ({ openFileTokenStore }) => {
     for (let i = 1; i <= 10; i++) await openFileTokenStore(workerData.path).set(workerData.name, { refreshToken: String(i) });
   });`,
  { eval: true, workerData: { url, path, name: `thread of ${name}` } },
);
const ended = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
using store = openFileTokenStore(path);
for (let number = 1; number <= Number(last); number++) {
  const before = store.get(name)?.refreshToken;
  if (!(await store.replace(name, before, { refreshToken: String(number) })))
    throw new Error('another process has written this name');
}
await ended;
if (store.get(`thread of ${name}`)?.refreshToken !== '10') throw new Error('the write of the thread was lost');
