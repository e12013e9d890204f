/** read.ts PATH MILLISECONDS: reads as fast as it can for that time. Prints how many times it has read. */
import { openTokenStore } from '../../src/index.ts';

const [path = '', milliseconds] = process.argv.slice(2);
using store = openTokenStore(path);
let count = 0;
for (const end = performance.now() + Number(milliseconds); performance.now() < end; count++) {
  const record = store.get('app');
  if (record?.accessToken !== `access of ${record?.refreshToken}`)
    throw new Error('the two tokens do not belong together');
}
console.log(count);
