// Takes about 8 s.
import { setTimeout as delay } from 'node:timers/promises';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { assertUnreachable, attempt } from './attempt.ts';
import { startScene } from './scene.ts';

const { scene, test } = await startScene({});

const record = { refreshToken: 'first' };

test('the server restarts: the right error, and the next call works', async () => {
  const store = await scene.open();
  await store.set('app', record);
  await scene.cluster.stop();
  for (const call of [() => store.get('app'), () => store.list(), () => store.exclusively('app', async () => 1)]) {
    const outcome = await attempt(call);
    assert.ok('error' in outcome);
    assertUnreachable(outcome, 'while it is down');
  }
  await scene.cluster.restart();
  assert.equal(await store.get('app'), record);
  assert.ok(await store.replace('app', 'first', { refreshToken: 'second' }));
});

test('a restart in the middle of a task costs nothing if it is shorter than the lease', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, leaseTime: 10_000 });
  const other = await scene.open({ schema, leaseTime: 10_000 });
  await store.set('app', record);
  const waiting: Promise<string>[] = [];
  const task = store.exclusively('app', async (lock) => {
    waiting.push(other.exclusively('app', async () => 'my turn'));
    await delay(200);
    await scene.cluster.restart('kill');
    assert.ok(await store.replace('app', 'first', { refreshToken: 'second' }));
    assert.is(lock.signal.aborted, false);
    return 'done';
  });
  assert.is(await within('the task', task, 30_000), 'done');
  assert.is(
    await within('the caller that waits', waiting[0] ?? Promise.reject(new Error('no caller')), 30_000),
    'my turn',
  );
});

test('a server that is away for longer than the lease costs the holder nothing: its write comes before the next one’s turn', async () => {
  const schema = scene.newSchema();
  const [store, other] = await Promise.all([1, 2].map(() => scene.open({ schema, leaseTime: 2_000 })));
  if (!store || !other) throw new Error('unreachable');
  await store.set('app', record);
  const turn = Promise.withResolvers<unknown>();
  await store.exclusively('app', async (lock) => {
    const waiting = other.exclusively('app', () => other.get('app'));
    waiting.then(turn.resolve, turn.reject);
    await delay(200);
    await scene.cluster.stop();
    await delay(2_500);
    assert.is(lock.signal.aborted, true);
    await scene.cluster.restart();
    // By now it has renewed its lease, or the other one would have had its turn.
    await delay(2_000);
    assert.ok(await store.replace('app', 'first', { refreshToken: 'second' }));
  });
  assert.equal(await within('the caller that waits', turn.promise, 30_000), { refreshToken: 'second' });
});

test.run();
