import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { queryObjects } from 'node:v8';
import { rejection } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CallerQueue, lockHeldError, type QueueOptions, Slots, TokenStoreError } from '../src/index.ts';

/** Lets a task run for `name` until the returned function is called. */
async function occupy(queue: CallerQueue, name: string, options?: QueueOptions): Promise<() => Promise<void>> {
  const begun = Promise.withResolvers<void>();
  const ending = Promise.withResolvers<void>();
  const ended = queue.run(
    name,
    async () => {
      begun.resolve();
      await ending.promise;
    },
    options,
  );
  await begun.promise;
  return () => {
    ending.resolve();
    return ended;
  };
}

const neverRuns = async (): Promise<never> => assert.unreachable('the task ran') as never;
const errorOf = (promise: Promise<unknown>) => rejection<TokenStoreError>(promise);

test('a name that is not a well-formed string is a TypeError', async () => {
  for (const name of [undefined, null, 5, {}, 'app\ud83d']) {
    const error = await errorOf(new CallerQueue().run(name as never, neverRuns));
    assert.instance(error, TypeError);
    assert.match(error.message, /^name must be /);
  }
});

test('callers of the same key take turns, whatever their names', async () => {
  const queue = new CallerQueue();
  const end = await occupy(queue, 'app', { key: '/one/file app' });
  const error = await errorOf(queue.run('other', neverRuns, { key: '/one/file app', timeout: 0 }));
  assert.is(error.code, 'STORE_BUSY');
  assert.is(await queue.run('app', async () => 'ran', { key: '/other/file app', timeout: 0 }), 'ran');
  await end();
});

test('a caller whose time is up is told who holds the lock', async () => {
  const queue = new CallerQueue();
  const end = await occupy(queue, 'app');
  const { signal } = new AbortController();
  const own = await errorOf(queue.run('app', neverRuns, { timeout: 5, signal }));
  assert.equal(getEventListeners(signal, 'abort'), []);
  assert.instance(own, TokenStoreError);
  assert.equal([own.code, own.reason, own.pid], ['STORE_BUSY', 'lock-held', process.pid]);
  assert.match(own.message, `this process (${process.pid}) holds the lock of "app"`);
  const holder = () => ({ holder: 'host db1, process 7', path: '/tokens.db' });
  const other = await errorOf(queue.run('app', neverRuns, { timeout: 5, holder }));
  assert.equal([other.holder, other.path], ['host db1, process 7', '/tokens.db']);
  assert.match(other.message, /^\/tokens\.db: host db1, process 7 holds the lock of/);
  await end();
});

test('the message says the limit in milliseconds below a second, else in seconds', () => {
  const problem = (timeout: number): string => lockHeldError('app', timeout, {}).problem;
  assert.match(problem(0), 'another process holds the lock');
  assert.match(problem(300), /did not become free within 300 ms$/);
  assert.match(problem(30_000), /did not become free within 30 s$/);
  assert.match(problem(1_500), /did not become free within 1\.5 s$/);
  assert.is(lockHeldError('app', 5, {}).remedy, 'Try again. If that process hangs, end it');
  assert.match(lockHeldError('app', 5, { pid: 1 }).message, /^process 1 holds the lock of "app"/);
});

test('a store that closes ends the wait, and not a task that runs', async () => {
  const queue = new CallerQueue();
  const closing = new AbortController();
  const end = await occupy(queue, 'app', { closing: closing.signal });
  const waiting = errorOf(queue.run('app', neverRuns, { closing: closing.signal }));
  const next = queue.run('app', async () => 'next');
  const reason = new TokenStoreError('STORE_OPEN', 'closed');
  closing.abort(reason);
  assert.is(await waiting, reason);
  assert.is(await errorOf(queue.run('app', neverRuns, { closing: closing.signal })), reason);
  await end();
  assert.is(await next, 'next');
});

test('the lock that processes share is acquired when it is the turn, and released before the next one', async () => {
  const queue = new CallerQueue();
  const events: string[] = [];
  const closing = new AbortController().signal;
  const { signal } = new AbortController();
  const started = performance.now();
  let called = 0;
  const call = (caller: string, task = async () => events.push(`${caller} runs`)): Promise<unknown> =>
    queue.run('app', task, {
      acquire: async ({ deadline, signals }) => {
        assert.equal(signals, [closing, signal]);
        assert.ok(deadline >= started + 5_000 && deadline <= called + 5_000);
        events.push(`${caller} acquires`);
        return async () => {
          await delay(1);
          events.push(`${caller} releases`);
        };
      },
      timeout: 5_000,
      closing,
      signal,
    });
  const failure = new Error('from the task');
  const first = errorOf(call('first', () => Promise.reject(failure)));
  const second = call('second');
  called = performance.now();
  await second;
  assert.is(await first, failure);
  const ofSecond = ['second acquires', 'second runs', 'second releases'];
  assert.equal(events, ['first acquires', 'first releases', ...ofSecond]);
});

test('a caller that does not acquire the lock that processes share in time is told who holds it, and leaves its turn', async () => {
  const queue = new CallerQueue();
  const options = { timeout: 5, holder: () => ({ holder: 'process 7' }) };
  const late = await errorOf(queue.run('app', neverRuns, { ...options, acquire: async () => undefined }));
  assert.equal([late.code, late.reason, late.holder], ['STORE_BUSY', 'lock-held', 'process 7']);
  const failure = new Error('the disk failed');
  assert.is(
    await errorOf(queue.run('app', neverRuns, { ...options, acquire: () => Promise.reject(failure) })),
    failure,
  );
  assert.is(await queue.run('app', async () => 'next', { timeout: 0 }), 'next');
});

test('a caller whose signal had aborted does not ask for the lock that processes share', async () => {
  const reason = new Error('no longer needed');
  const acquire = async (): Promise<never> => assert.unreachable('it was asked for') as never;
  const options = { signal: AbortSignal.abort(reason), acquire };
  assert.is(await errorOf(new CallerQueue().run('app', neverRuns, options)), reason);
});

test('what a task left running may wait for the lock while that is released', async () => {
  const queue = new CallerQueue();
  const releasing = Promise.withResolvers<void>();
  const release = (): Promise<void> => {
    releasing.resolve();
    return delay(1);
  };
  let left: Promise<string> | undefined;
  const task = async (): Promise<void> => {
    left = releasing.promise.then(() => queue.run('app', async () => 'later'));
  };
  await queue.run('app', task, { acquire: async () => release });
  assert.is(await left, 'later');
});

test('a queue keeps nothing of a name that no caller waits for', async () => {
  const queue = new CallerQueue();
  const before = queryObjects(Slots);
  for (const name of ['a', 'b', 'c']) await Promise.all([1, 2].map(() => queue.run(name, async () => {})));
  assert.is(queryObjects(Slots), before);
  await queue.run('a', async () => {});
});

test('queues know nothing of each other', async () => {
  const [one, other] = [new CallerQueue(), new CallerQueue()];
  const nested = one.run('app', () => other.run('app', async () => 'nested', { timeout: 0 }));
  assert.is(await nested, 'nested');
});

test.run();
