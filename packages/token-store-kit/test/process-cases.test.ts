import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Call, randomFrom } from '../src/process-cases/call.ts';
import { keepsLock, waitsAfterKills } from '../src/process-cases/process-cases.ts';

/** Times are milliseconds here. Without an end, there was no answer. */
const call = (pid: number, kind: Call['kind'], [start, end]: [number, number?], more: Partial<Call> = {}): Call => ({
  pid,
  kind,
  name: 'app',
  task: `${pid}/1`,
  start: start * 1e6,
  ...(end !== undefined && { end: end * 1e6 }),
  ...more,
});
const outside = { task: undefined };
const killed = call(1, 'SIGKILL', [20], outside);
const begun = call(1, 'acquire', [1, 2]);

const waits = suite('The wait after a kill');
for (const [what, calls, expected] of [
  ['lasts until the next task begins', [begun, killed, call(2, 'acquire', [5, 27])], [7]],
  ['begins with a caller that comes later', [begun, killed, call(2, 'acquire', [25, 28])], [3]],
  [
    'ends with the first of several tasks, in whichever order they are written down',
    [begun, killed, call(3, 'acquire', [3, 40]), call(2, 'acquire', [5, 27])],
    [7],
  ],
  ['is none of tasks that were over before', [call(2, 'acquire', [0, 1]), begun, killed], []],
  ['is none of a caller without an answer', [begun, killed, call(2, 'acquire', [5])], []],
  ['is none of a caller that gave up', [begun, killed, call(2, 'acquire', [5, 27], { result: 'gives up' })], []],
  ['is none of other calls', [begun, killed, call(2, 'get', [26, 27], outside)], []],
  ['counts if the last call has no answer', [begun, call(1, 'set', [3]), killed, call(2, 'acquire', [5, 27])], [7]],
  ['does not count after the task', [begun, call(1, 'release', [3, 4]), killed, call(2, 'acquire', [5, 27])], []],
  [
    'does not count if its end was under way',
    [begun, call(1, 'release', [3]), killed, call(2, 'acquire', [5, 27])],
    [],
  ],
  ['does not count without a task', [call(1, 'get', [1, 2], outside), killed, call(2, 'acquire', [5, 27])], []],
  ['does not count before its task', [call(1, 'acquire', [1]), killed, call(2, 'acquire', [5, 27])], []],
  ['is none of a process that goes on', [begun, { ...killed, kind: 'SIGCONT' }, call(2, 'acquire', [5, 27])], []],
  [
    'is that of the process that was killed',
    [begun, call(2, 'set', [3, 4], outside), killed, call(3, 'acquire', [5, 27])],
    [7],
  ],
] as [string, Call[], number[]][])
  waits(what, () => assert.equal(waitsAfterKills(calls), expected));
waits.run();

const lease = suite('A task with a lease');
for (const [what, calls, expected] of [
  ['keeps its lock if it takes longer', [begun, call(1, 'release', [11, 13])], true],
  ['shows nothing if it takes as long', [begun, call(1, 'release', [11, 12])], false],
  ['has lost its lock if it knows that', [begun, call(1, 'release', [11, 13], { isLost: true })], false],
  [
    'shows nothing without its begin',
    [call(2, 'acquire', [1, 2]), call(1, 'set', [1, 2]), call(1, 'release', [11, 13])],
    false,
  ],
  ['shows nothing without its end', [begun, call(1, 'set', [11, 13])], false],
] as [string, Call[], boolean][])
  lease(what, () =>
    assert.is(
      calls.some((each) => keepsLock(each, { calls, leaseTime: 10 })),
      expected,
    ),
  );
lease.run();

const numbers = suite('The numbers of a seed');
numbers('are spread between 0 and 1, and are the same each time', () => {
  for (const seed of [0, 1, 2 ** 32 - 1]) {
    const drawn = Array.from({ length: 1_000 }, randomFrom(seed));
    for (let tenth = 0; tenth < 10; tenth++)
      assert.ok(drawn.filter((each) => Math.floor(each * 10) === tenth).length > 50, `${seed}: ${tenth}`);
    assert.equal(drawn, Array.from({ length: 1_000 }, randomFrom(seed)));
  }
});
numbers.run();
