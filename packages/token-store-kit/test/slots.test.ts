import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { soon } from '../src/contract-cases/soon.ts';
import { Slots } from '../src/index.ts';

test('who gives up leaves the line, and the others keep their places', async () => {
  const slots = new Slots(1);
  assert.is(await slots.acquire(0), true);
  const [impatient, first, alsoImpatient, last] = [0, 5_000, 0, 5_000].map((timeout) => slots.acquire(timeout));
  assert.equal(await Promise.all([impatient, alsoImpatient]), [false, false]);
  for (const next of [first, last, slots.acquire(5_000)]) {
    assert.is(slots.release(), true);
    assert.is(await soon(Promise.resolve(next)), true);
    assert.is(await slots.acquire(0), false, 'its slot is not free for another one');
  }
  assert.is(slots.release(), false);
  assert.is(await slots.acquire(0), true);
});

test.run();
