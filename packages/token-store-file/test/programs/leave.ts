/** leave.ts PATH: takes the lock of `app`, prints `holds`, and leaves its task undone when it is told a line. */
import { once } from 'node:events';
import { openFileTokenStore } from '../../src/index.ts';

const store = openFileTokenStore(process.argv[2] ?? '');
void store.exclusively('app', () => {
  console.log('holds');
  return new Promise(() => {});
});
await once(process.stdin, 'data');
process.stdin.destroy();
