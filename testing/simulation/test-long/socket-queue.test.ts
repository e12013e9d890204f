// Takes about 50 s.
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { explore, missingTool } from '../model/explore.ts';

const missing = missingTool();
if (missing) console.log(`skipped: the model needs ${missing} (Debian: apt install spin gcc libc6-dev)`);
const test = missing ? always.skip : always;

const small = 'PROCESSES=2 ATTEMPTS=2 CRASHES=1 GIVE_UPS=1';
for (const world of [small, 'PROCESSES=3 ATTEMPTS=1 CRASHES=1 GIVE_UPS=0']) {
  test(`in no order of steps two processes have the lock, or one waits for ever: ${world}`, () => {
    const { failure, states } = explore(world, 'socket-queue');
    assert.is(failure, undefined);
    assert.ok(states > 1_000_000, `${states} states`);
    console.log(`measured: ${states} states, ${world}`);
  });
}

for (const defect of ['NO_HEAD_CHECK', 'CLOSED_EARLY', 'SWEEP_FIRST', 'SWEEP_BY_ID', 'NAMED_EARLY', 'NEXT_REMOVED']) {
  test(`the defect ${defect} is found`, () => {
    assert.match(explore(`${small} ${defect}`, 'socket-queue').failure ?? '', 'assertion violated');
  });
}

always.run();
