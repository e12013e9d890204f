/**
 * read.ts PATH MILLISECONDS: reads again and again for that time. Prints how many times it has read. It pauses in between: without that, many
 * of them on a busy machine hold the file for longer than a writer waits, because each is taken off the processor while it reads.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openTokenStore } from '../../src/index.ts';

const [path = '', milliseconds] = process.argv.slice(2);
using store = openTokenStore(path);
let count = 0;
for (const end = performance.now() + Number(milliseconds); performance.now() < end; count++) {
  const record = store.get('app');
  if (record?.accessToken !== `access of ${record?.refreshToken}`)
    throw new Error('the two tokens do not belong together');
  await sleep(1);
}
console.log(count);
