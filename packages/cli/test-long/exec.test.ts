import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertPassedOn } from '../test/fixtures/assert-passed-on.ts';

const { home, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) {
  test(`${signal} is passed on, and the status is that of the program`, () => assertPassedOn(home, signal));
}

test('a signal that arrives as soon as the program runs is passed on too', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  const script = 'trap "exit 9" TERM; kill -TERM $PPID; for i in $(seq 100); do sleep 0.1; done';
  for (let time = 0; time < 5; time++) {
    const { status, signal } = await home.run(['exec', '--', 'sh', '-c', script]);
    assert.equal([status, signal], [9, null]);
  }
});

test.run();
