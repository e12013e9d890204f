import { within } from 'testing-authority/start-program';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Slots } from '../src/connection/slots.ts';

test('who gives up leaves the line, and the others keep their places', async () => {
  const slots = new Slots(1);
  const acquire = (timeoutMs: number): Promise<boolean> => slots.acquire(performance.now() + timeoutMs);
  assert.is(await acquire(0), true);
  const [impatient, first, alsoImpatient, last] = [0, 5_000, 0, 5_000].map(acquire);
  assert.equal(await Promise.all([impatient, alsoImpatient]), [false, false]);
  for (const next of [first, last, acquire(5_000)]) {
    slots.release();
    assert.is(await within(1_000, 'its turn', Promise.resolve(next)), true);
  }
  slots.release();
  assert.is(await acquire(0), true);
});

test.run();
