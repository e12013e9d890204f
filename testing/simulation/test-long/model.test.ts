// Takes about 25 s.
import { dueToday } from 'testing-authority/due-today';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { explore, missingTool } from '../model/explore.ts';

const missing = missingTool();
if (missing) console.log(`skipped: the model needs ${missing} (Debian: apt install spin gcc libc6-dev)`);
const test = missing ? always.skip : always;

const everything = 'EXPIRIES=1 SIGN_OUTS=1 CRASHES=1 LOST_ANSWERS=1';

const worlds = [
  `STRICT ${everything}`,
  `STRICT LEASE PAUSES=1 ${everything}`,
  everything,
  `KEEPS ${everything}`,
  `SIGNED_OUT STRICT ${everything}`,
  `LEASE PAUSES=1 ${everything}`,
  `LEASE STRICT PAUSES=2 ${everything}`,
  `LEASE KEEPS PAUSES=1 ${everything}`,
  `LEASE STRICT SIGNED_OUT PAUSES=1 ${everything}`,
  `PROCESSES=3 STRICT EXPIRIES=1 SIGN_OUTS=1 CRASHES=1`,
  `PROCESSES=3 SIGNED_OUT LEASE ${everything}`,
  'PROCESSES=3 KEEPS LEASE PAUSES=1 EXPIRIES=1',
  'PROCESSES=3 STRICT LEASE PAUSES=1 CRASHES=1',
];
for (const world of dueToday(worlds, 3)) {
  test(`no order of steps breaks an invariant: ${world}`, () => {
    const { failure, states } = explore(world);
    assert.is(failure, undefined);
    assert.ok(states > 3_000, `${states} states`);
    console.log(`measured: ${states} states, ${world}`);
  });
}

test('a defect is found, and the steps that lead to it are shown', () => {
  const { failure, trail } = explore('STRICT FREED_EARLY');
  assert.match(failure ?? '', 'assertion violated');
  assert.match(trail, /proc +\d+ \(Process:1\)/);
});

/** Each with the smallest world in which it breaks an invariant. */
const defects: Record<string, string> = {
  NO_SECOND_READ: 'KEEPS',
  NO_COMPARE_AND_SWAP: 'SIGN_OUTS=1',
  NO_FENCE: 'KEEPS LEASE PAUSES=1',
  NO_LOCK_CHECK: 'STRICT LEASE PAUSES=1',
  UNORDERED: 'KEEPS LEASE PAUSES=1',
  LATE_WRITE_UNLOCKED: 'KEEPS LEASE PAUSES=1',
  ANY_OWNER_RELEASES: 'PROCESSES=3 STRICT LEASE PAUSES=1',
  NO_SIGN_IN_LOCK: 'SIGNED_OUT',
  NO_LOOK_BEFORE_WINDOW: 'SIGNED_OUT',
  SIGN_OUT_IGNORED: `STRICT ${everything}`,
};
for (const [defect, world] of dueToday(Object.entries(defects), 3)) {
  test(`the defect ${defect} is found in ${world}`, () => {
    assert.match(explore(`${world} ${defect}`).failure ?? '', 'assertion violated');
  });
}

for (const world of dueToday(['CRASHES=1', 'LOST_ANSWERS=1', 'LEASE PAUSES=1'], 3)) {
  test(`the window that cannot be closed is real: ${world}`, () => {
    assert.match(explore(`STRICT ${world} NOTHING_EXCUSED`).failure ?? '', 'assertion violated');
  });
}

test('without crashes, lost answers and pauses nothing has to be excused', () => {
  assert.is(explore('STRICT EXPIRIES=1 SIGN_OUTS=1 NOTHING_EXCUSED').failure, undefined);
  assert.is(explore('STRICT LEASE EXPIRIES=1 NOTHING_EXCUSED').failure, undefined);
});

// The lock of token-store-file.
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

const queueDefects = ['CHOOSING_IGNORED', 'ONE_LOOK', 'NUMBER_EARLY', 'GONE_IGNORED', 'REMOVED_BY_ID', 'ID_IGNORED'];
for (const defect of dueToday(queueDefects, 2)) {
  test(`the defect ${defect} is found`, () => {
    assert.match(explore(`${small} ${defect}`, 'socket-queue').failure ?? '', 'assertion violated');
  });
}

always.run();
