// Takes about 10 s.
import { dueToday } from 'testing-authority/due-today';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { explore, missingTool } from '../model/explore.ts';

const missing = missingTool();
if (missing) console.log(`skipped: the model needs ${missing} (Debian: apt install spin gcc libc6-dev)`);
const test = missing ? always.skip : always;

const small = 'PROCESSES=2 ATTEMPTS=2 CRASHES=1 GIVE_UPS=1';
for (const size of dueToday(['PROCESSES=2 ATTEMPTS=3', 'PROCESSES=3 ATTEMPTS=1'], 2)) {
  const world = `${size} CRASHES=1 GIVE_UPS=1`;
  test(`in no order of steps two processes have the lock, or one waits for ever: ${world}`, () => {
    const { failure, states } = explore(world, 'socket-queue');
    assert.is(failure, undefined);
    assert.ok(states > 1_000_000, `${states} states`);
    console.log(`measured: ${states} states, ${world}`);
  });
}

const defects = ['CHOOSING_IGNORED', 'ONE_LOOK', 'NUMBER_EARLY', 'GONE_IGNORED', 'REMOVED_BY_ID', 'ID_IGNORED'];
for (const defect of dueToday(defects, 2)) {
  test(`the defect ${defect} is found`, () => {
    assert.match(explore(`${small} ${defect}`, 'socket-queue').failure ?? '', 'assertion violated');
  });
}

always.run();
