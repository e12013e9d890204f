import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

test('a signal that arrives as soon as the program runs is passed on too', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  const script = 'trap "exit 9" TERM; kill -TERM $PPID; for i in $(seq 100); do sleep 0.1; done';
  for (let time = 0; time < 5; time++) {
    const { status, signal } = await home.run(['exec', '--', 'sh', '-c', script]);
    assert.equal([status, signal], [9, null]);
  }
});

test.run();
