/** read.ts PATH MILLISECONDS: reads as fast as it can for so long, and prints how often it did. */
import { openTokenStore } from '../../src/index.ts';

const [path = '', milliseconds] = process.argv.slice(2);
using store = openTokenStore(path);
let count = 0;
for (const end = performance.now() + Number(milliseconds); performance.now() < end; count++) {
  const record = store.get('app');
  if (record?.accessToken !== `access of ${record?.refreshToken}`) throw new Error('a torn record');
}
console.log(count);
