// Takes about 3 s.
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { explore, missingTool } from '../model/explore.ts';

const missing = missingTool();
if (missing) console.log(`skipped: the model needs ${missing} (Debian: apt install spin gcc libc6-dev)`);
const test = missing ? always.skip : always;

const everything = 'EXPIRIES=1 SIGN_OUTS=1 CRASHES=1 LOST_ANSWERS=1';

for (const [lock, world] of [
  ['the lock of the kernel', `STRICT ${everything}`],
  ['a lease', `STRICT LEASE PAUSES=1 ${everything}`],
] as const) {
  test(`two processes with ${lock}: no order of steps breaks an invariant`, () => {
    const { failure, states } = explore(world);
    assert.is(failure, undefined);
    // A model that does nothing breaks nothing.
    assert.ok(states > 10_000, `${states} states`);
    console.log(`measured: ${states} states, ${world}`);
  });
}

test('a planted defect is found, and the steps that lead to it are shown', () => {
  const { failure, trail } = explore('STRICT FREED_EARLY');
  assert.match(failure ?? '', 'assertion violated');
  assert.match(trail, /proc +\d+ \(Process:1\)/);
});

always.run();
