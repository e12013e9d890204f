import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Call } from '../src/process-cases/call.ts';
import { describe, findViolation } from '../src/process-cases/history.ts';

/** A call from `start` to `end`, or without an answer. */
type Times = [start: number, end?: number];
const call = (pid: number, kind: Call['kind'], [start, end]: Times, more: Partial<Call> = {}): Call => ({
  pid,
  kind,
  name: 'app',
  start,
  ...(end !== undefined && { end }),
  ...more,
});
const reads = (pid: number, result: string | undefined, times: Times) => call(pid, 'get', times, { result });
const writes = (pid: number, token: string, times: Times, more?: Partial<Call>) =>
  call(pid, 'set', times, { token, ...more });
const replaces = (pid: number, [previous, token]: [string, string], result: boolean, times: Times, task?: string) =>
  call(pid, 'replace', times, { previous, token, result, task });
const task = (pid: number, begin: Times, end: Times, isLost = false): Call[] => [
  call(pid, 'acquire', begin, { task: `${pid}/1` }),
  call(pid, 'release', end, { task: `${pid}/1`, isLost }),
];

const sound: Record<string, { calls: Call[]; hasLease?: boolean }> = {
  'calls at the same time, in any order': {
    calls: [writes(1, 'a', [0, 2]), reads(2, undefined, [2, 3]), reads(2, 'a', [4, 9])],
  },
  'a write without an answer that has happened': { calls: [writes(1, 'a', [0]), reads(2, 'a', [5, 6])] },
  'a replacement without an answer that has happened': {
    calls: [writes(1, 'a', [0, 1]), call(2, 'replace', [2], { previous: 'a', token: 'b' }), reads(1, 'b', [3, 4])],
  },
  'one that has not': { calls: [writes(1, 'a', [0]), reads(2, undefined, [5, 6])] },
  'one that happens much later': {
    calls: [writes(1, 'a', [0]), writes(2, 'b', [1, 2]), reads(2, 'b', [3, 4]), reads(2, 'a', [5, 6])],
  },
  'one that only a refusal shows': {
    calls: [
      writes(1, 'a', [0, 1]),
      writes(2, 'b', [2]),
      replaces(1, ['a', 'c'], false, [4, 5]),
      writes(1, 'd', [6, 7]),
    ],
  },
  'a deletion': {
    calls: [
      writes(1, 'a', [0, 1]),
      call(1, 'delete', [2, 3], { result: true }),
      call(1, 'delete', [4, 5], { result: false }),
    ],
  },
  'the task of another process after that of a killed one': {
    calls: [
      call(1, 'acquire', [0, 1], { task: '1/1' }),
      writes(1, 'a', [2], { task: '1/1' }),
      call(1, 'SIGKILL', [3]),
      ...task(2, [1, 4], [8, 9]),
      reads(2, 'a', [5, 6]),
    ],
  },
  'a task that has lost its lock, and knows it': {
    hasLease: true,
    calls: [
      ...task(1, [0, 1], [8, 9], true),
      ...task(2, [1, 4], [6, 7]),
      writes(2, 'b', [4, 5], { task: '2/1' }),
      writes(1, 'a', [5, 6], { task: '1/1', result: 'lock-lost' }),
      replaces(1, ['b', 'c'], false, [6, 7], '1/1'),
      reads(2, 'b', [10, 11]),
    ],
  },
  'a write of a task that happens after it, because nobody knew': {
    hasLease: true,
    calls: [
      ...task(1, [0, 1], [4, 5]),
      writes(1, 'a', [2], { task: '1/1' }),
      reads(2, undefined, [6, 7]),
      reads(2, 'a', [8, 9]),
    ],
  },
};

const broken: Record<string, { calls: Call[]; hasLease?: boolean; problem: string }> = {
  'a write that is not read': {
    calls: [writes(1, 'a', [0, 1]), writes(1, 'b', [2, 3]), reads(2, 'a', [4, 5])],
    problem: 'an update was lost: process 2 reads "a", but "b" was stored',
  },
  'a write that is read, and then is not': {
    calls: [writes(1, 'a', [0]), reads(2, 'a', [1, 2]), reads(3, undefined, [3, 4])],
    problem: 'an update was lost: process 3 reads no record, but "a" was stored',
  },
  'two that have replaced the same': {
    calls: [writes(1, 'a', [0, 1]), replaces(1, ['a', 'b'], true, [2, 5]), replaces(2, ['a', 'c'], true, [3, 4])],
    problem: 'an update was lost: process 1 replaces "a" with "b": true, but "c" was stored',
  },
  'a write that comes again, while another process waits for the lock': {
    calls: [
      call(2, 'acquire', [0, 20], { task: '2/1' }),
      writes(1, 'a', [1]),
      reads(1, 'a', [2, 3]),
      call(1, 'delete', [4, 5], { result: true }),
      ...task(1, [6, 7], [10, 11]),
      reads(1, 'a', [8, 9]),
    ],
    problem: 'an update was lost: process 1 reads "a", but no record was stored',
  },
  'a record that goes when a process is stopped': {
    calls: [writes(1, 'a', [0, 1]), call(1, 'SIGSTOP', [2]), reads(2, undefined, [3, 4])],
    problem: 'an update was lost: process 2 reads no record, but "a" was stored',
  },
  'a refusal without a reason': {
    calls: [writes(1, 'a', [0, 1]), replaces(1, ['a', 'b'], false, [2, 3])],
    problem: 'an update was lost: process 1 replaces "a" with "b": false, but "a" was stored',
  },
  'a lock that is lost outside of a task': {
    hasLease: true,
    calls: [writes(1, 'a', [0, 1], { result: 'lock-lost' })],
    problem: 'an update was lost: process 1 writes "a": lock-lost, but no record was stored',
  },
  'a lock that two have': {
    calls: [...task(1, [0, 1], [5, 6]), ...task(2, [2, 3], [7, 8])],
    problem: 'two processes ran a task for one name at once: process 2 began one before that of process 1 had ended',
  },
  'a lock that is lost although it has no lease': {
    calls: [...task(1, [0, 1], [5, 6], true), ...task(2, [2, 3], [7, 8])],
    problem: 'two processes ran a task for one name at once: process 2 began one before that of process 1 had ended',
  },
  'a lock that is free before its holder is killed': {
    calls: [call(1, 'acquire', [0, 1], { task: '1/1' }), call(1, 'SIGKILL', [5]), ...task(2, [2, 3], [7, 8])],
    problem: 'two processes ran a task for one name at once: process 2 began one before that of process 1 had ended',
  },
  'a task that has lost its lock, and does not know it': {
    hasLease: true,
    calls: [...task(1, [0, 1], [5, 6]), ...task(2, [2, 3], [7, 8])],
    problem: 'process 1 lost its lock to process 2, and the store did not report it before the task ended',
  },
  'a write of a task that has lost its lock': {
    hasLease: true,
    calls: [...task(1, [0, 1], [7, 8], true), ...task(2, [2, 3], [9, 10]), writes(1, 'a', [4, 5], { task: '1/1' })],
    problem: 'process 1 wrote without its lock, which process 2 had',
  },
  'a write of a killed process in the task of the next one': {
    calls: [
      call(1, 'acquire', [0, 1], { task: '1/1' }),
      writes(1, 'a', [2], { task: '1/1' }),
      call(1, 'SIGKILL', [3]),
      ...task(2, [1, 4], [12, 13]),
      reads(2, undefined, [5, 6]),
      reads(2, 'a', [7, 8]),
    ],
    problem: 'an update was lost: process 2 reads "a", but no record was stored',
  },
};

const test = suite('A history');
for (const [name, { calls, hasLease = false }] of Object.entries(sound)) {
  test(`may have ${name}`, () => assert.is(findViolation(calls, hasLease), undefined));
}
for (const [name, { calls, hasLease = false, problem }] of Object.entries(broken)) {
  test(`must not have ${name}`, () => assert.is(findViolation(calls, hasLease)?.problem, problem));
}
test('is judged at once although many of its calls have no answer', () => {
  const unanswered = Array.from({ length: 11 }, (_, pid) => writes(pid, `${pid}`, [0]));
  const unread = Array.from({ length: 40 }, (_, pid) => call(pid, 'get', [0]));
  const started = process.cpuUsage();
  assert.ok(findViolation([...unanswered, ...unread, reads(20, 'other', [1, 2])], false));
  assert.ok(process.cpuUsage(started).user < 10_000_000);
});
test('is told with the 30 newest calls, the last one below', () => {
  const older = Array.from({ length: 30 }, (_, index) => reads(1, 'a', [index, index]));
  const calls = [
    reads(1, 'a', [5e6, 6e6]),
    reads(2, undefined, [4e6, 7e6]),
    reads(3, undefined, [3e6]),
    ...task(4, [10e6, 11e6], [12e6, 13e6]),
    ...task(5, [14e6, 15e6], [16e6, 17e6], true),
    ...(['SIGSTOP', 'SIGCONT', 'SIGKILL'] as const).map((kind, index) => call(6, kind, [18e6 + index * 1e6])),
    call(7, 'delete', [21e6, 22e6], { result: true }),
    writes(8, 'b', [23e6]),
    replaces(9, ['b', 'c'], false, [24e6, 25e6]),
    call(10, 'acquire', [26e6, 27e6], { result: 'gives up' }),
  ];
  const told = describe([...calls, ...older]).split('\n');
  assert.is(told.length, 30);
  assert.is(
    told.slice(-14).join('\n'),
    `3.00 ms: process 3 reads, without an answer
4.00 to 7.00 ms: process 2 reads no record
5.00 to 6.00 ms: process 1 reads "a"
10.00 to 11.00 ms: process 4 waits for the lock and begins a task
12.00 to 13.00 ms: process 4 ends its task
14.00 to 15.00 ms: process 5 waits for the lock and begins a task
16.00 to 17.00 ms: process 5 ends its task, and knows that it lost the lock
18.00 ms: process 6 is stopped (SIGSTOP)
19.00 ms: process 6 goes on (SIGCONT)
20.00 ms: process 6 is killed (SIGKILL)
21.00 to 22.00 ms: process 7 deletes the record: true
23.00 ms: process 8 writes "b", without an answer
24.00 to 25.00 ms: process 9 replaces "b" with "c": false
26.00 to 27.00 ms: process 10 waits for the lock and begins a task: gives up`,
  );
});
test.run();
