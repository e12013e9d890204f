/**
 * Holds the lock of `app`: prints `held`, then does what each line on stdin says.
 *
 *     replace TOKEN   prints the result, and whether the signal had aborted before and after
 *     set TOKEN       prints `set`, or the error's code and reason
 *     aborted         prints whether the signal has aborted
 *     end             ends the task
 */
import { createInterface } from 'node:readline';
import { openPostgresTokenStore } from '../../src/index.ts';

const store = await openPostgresTokenStore(JSON.parse(process.argv[2] ?? '{}'));
await store.exclusively('app', async (lock) => {
  const { signal } = lock;
  signal.addEventListener('abort', () => console.log('abort event'));
  console.log('held');
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, refreshToken = ''] = line.split(' ');
    if (command === 'end') return;
    if (command === 'aborted') console.log(lock.signal.aborted);
    if (command === 'replace') {
      const previous = (await store.get('app'))?.refreshToken;
      console.log(await store.replace('app', previous, { refreshToken }), lock.signal.aborted);
    }
    if (command === 'set') {
      const done = store.set('app', { refreshToken });
      console.log(
        await done.then(
          () => 'set',
          (error) => `${error.code} ${error.reason}`,
        ),
      );
    }
  }
});
console.log('released');
await store.close();
process.stdin.destroy();
