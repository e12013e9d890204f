import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import type { PostgresTokenStore, TokenStoreError } from '../src/index.ts';
import { tablesOf, toTopic } from '../src/tables/names.ts';
import { startScene } from './scene.ts';
import { startProgram } from './start-program.ts';
import { within } from './within.ts';

const { scene, together: test } = await startScene();

const never = async (): Promise<never> => {
  throw new Error('the task ran');
};

/** Holds the lock of `app` until `end` is called. */
async function hold(
  store: PostgresTokenStore,
): Promise<{ end(): Promise<void>; signal: AbortSignal; task: Promise<void> }> {
  const begun = Promise.withResolvers<AbortSignal>();
  const ending = Promise.withResolvers<void>();
  const task = store.exclusively('app', async ({ signal }) => {
    begun.resolve(signal);
    await ending.promise;
  });
  const end = (): Promise<void> => {
    ending.resolve();
    return within(5_000, 'the end of the task', task);
  };
  return { end, signal: await within(5_000, 'the lock', Promise.race([begun.promise, task.then(never)])), task };
}

/** A column of the lease of `app`. */
const leaseOf = (schema: string, column: string): Promise<string> =>
  scene.cluster.query(`SELECT ${column} FROM ${schema}.oauth_token_lease WHERE name = 'app'`);

async function untilQueue(schema: string, count: number): Promise<void> {
  for (let left = 150; (await leaseOf(schema, 'cardinality(waiting)')) !== String(count); left--) {
    assert.ok(left > 0, `there are never ${count} callers in the queue`);
    await delay(20);
  }
}

test('each time that the lock is acquired raises its fencing number', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  for (let fence = 1; fence <= 3; fence++) {
    await store.exclusively('app', async () => assert.is(await leaseOf(schema, 'fence'), String(fence)));
  }
});

test('the lock is renewed while the task runs, and released at its end', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, leaseTime: 600 });
  const held = await hold(store);
  await delay(1_500);
  assert.is(held.signal.aborted, false);
  assert.is(await leaseOf(schema, 'ends_at > now()'), 't');
  await held.end();
  assert.is(await leaseOf(schema, 'owner IS NULL'), 't');
});

test('no connection is held while the task runs', async () => {
  const connectionString = `${scene.cluster.connectionString()}?application_name=held`;
  const store = await scene.open({ connectionString, idleTimeout: 0 });
  const held = await hold(store);
  await delay(100);
  const connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'held'";
  assert.is(await scene.cluster.query(connections), '0');
  await held.end();
});

test('a waiting caller goes on within 100 ms of the release', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const other = await scene.open({ schema });
  // On a busy machine one of them has to: a caller that is not told would never.
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20 && fastest >= 100; round++) {
    const held = await hold(store);
    let begunAt = 0;
    const waiting = other.exclusively('app', async () => {
      begunAt = performance.now();
    });
    await delay(200);
    const endedAt = performance.now();
    await held.end();
    await within(5_000, 'the waiting caller', waiting);
    fastest = Math.min(fastest, begunAt - endedAt);
  }
  assert.ok(fastest < 100, `it took ${fastest} ms`);
});

test('a waiting caller goes on within 150 ms if those before it in the queue are gone', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const other = await scene.open({ schema });
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20 && fastest >= 150; round++) {
    const held = await hold(store);
    await scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET waiting = ARRAY['lgone', 'lgone2']`);
    let begunAt = 0;
    const waiting = other.exclusively('app', async () => {
      begunAt = performance.now();
    });
    for (let left = 400; !/^\{lgone,lgone2,l/.test(await leaseOf(schema, 'waiting')); left--) {
      assert.ok(left > 0, 'it does not join the queue');
      await delay(20);
    }
    await delay(200); // until it listens
    const endedAt = performance.now();
    await held.end();
    await within(5_000, 'the waiting caller', waiting);
    fastest = Math.min(fastest, begunAt - endedAt);
    assert.is(await leaseOf(schema, 'waiting'), '{}');
  }
  assert.ok(fastest < 150, `it took ${fastest} ms`);
});

test('stores take turns in the order in which they came, and one that takes the lock again and again gives way', async () => {
  const schema = scene.newSchema();
  const stores = await Promise.all(Array.from({ length: 4 }, () => scene.open({ schema })));
  const order: number[] = [];
  const turns = stores.map(async (store, index) => {
    await delay(index * 40);
    for (let turn = 0; turn < 5; turn++) {
      await store.exclusively('app', async () => {
        order.push(index);
        await delay(60);
      });
    }
  });
  await within(20_000, 'all turns', Promise.all(turns));
  // On a busy machine a caller may miss a turn, but none of them has all of its own while another one waits.
  const first = Math.min(...stores.map((_, index) => order.lastIndexOf(index)));
  for (const index of stores.keys()) {
    const had = order.slice(0, first + 1).filter((each) => each === index).length;
    assert.ok(had >= 1, `store ${index} had ${had} turns of ${order}`);
  }
});

test('a caller that missed its turn joins the queue again at the next release', async () => {
  const schema = scene.newSchema();
  const [store, dropped, next] = await Promise.all([1, 2, 3].map(() => scene.open({ schema, leaseTime: 20_000 })));
  if (!store || !dropped || !next) throw new Error('unreachable');
  const held = await hold(store);
  const waiting = dropped.exclusively('app', async () => 'my turn');
  await untilQueue(schema, 1);
  await delay(300); // until it listens
  // As a caller does that acquires the lock before it.
  await scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET waiting = '{}'`);
  const following = hold(next);
  await untilQueue(schema, 1);
  await held.end();
  const second = await following;
  await untilQueue(schema, 1);
  await second.end();
  assert.is(await within(5_000, 'its turn', waiting), 'my turn');
});

test('it joins the queue again also if it hears of the release and of the next owner in one moment', async () => {
  const schema = scene.newSchema();
  const [store, dropped] = await Promise.all([1, 2].map(() => scene.open({ schema, leaseTime: 20_000 })));
  if (!store || !dropped) throw new Error('unreachable');
  const held = await hold(store);
  const waiting = dropped.exclusively('app', async () => 'my turn');
  await untilQueue(schema, 1);
  await delay(300); // until it listens
  const tables = tablesOf(schema, { table: 'oauth_token' });
  const topic = toTopic(tables, 'app');
  // The server sends the messages of one statement together.
  await scene.cluster.query(
    `WITH dropped AS (UPDATE ${tables.leases} SET waiting = '{}' RETURNING 1)
     SELECT pg_notify('${tables.channel}', 'f${topic} next'), pg_notify('${tables.channel}', 't${topic} next') FROM dropped`,
  );
  await untilQueue(schema, 1);
  await held.end();
  assert.is(await within(5_000, 'its turn', waiting), 'my turn');
});

test('STORE_BUSY names host and process of the holder', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const other = await scene.open({ schema });
  const held = await hold(store);
  for (const timeout of [0, 100]) {
    const error: TokenStoreError = await other.exclusively('app', never, { timeout }).catch((reason) => reason);
    assert.is(error.code, 'STORE_BUSY');
    assert.is(error.reason, 'lock-held');
    assert.is(error.holder, `process ${process.pid} on ${hostname()}`);
    assert.is(error.pid, process.pid);
    assert.match(error.message, `process ${process.pid} on ${hostname()} is working with the tokens of "app"`);
  }
  assert.is(await leaseOf(schema, 'waiting'), '{}');
  await held.end();
});

test('a caller that aborts leaves the queue, and the one behind it goes on', async () => {
  const schema = scene.newSchema();
  const [store, first, second] = await Promise.all([1, 2, 3].map(() => scene.open({ schema })));
  if (!store || !first || !second) throw new Error('unreachable');
  const held = await hold(store);
  const controller = new AbortController();
  const aborted = first.exclusively('app', never, { signal: controller.signal }).catch((error) => error);
  await delay(100);
  const waiting = second.exclusively('app', async () => 'my turn');
  await delay(100);
  const reason = new Error('no longer needed');
  controller.abort(reason);
  assert.is(await aborted, reason);
  await delay(100);
  await held.end();
  assert.is(await within(1_000, 'the next caller', waiting), 'my turn');
});

test('a killed holder costs the waiting callers one leaseTime', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, leaseTime: 1_500 });
  const holder = startProgram('hold', { connectionString: scene.cluster.connectionString(), schema, leaseTime: 1_500 });
  assert.is(await holder.line(), 'held');
  const waiting = store.exclusively('app', async () => performance.now());
  await delay(200);
  const killedAt = performance.now();
  holder.kill();
  const waited = (await within(5_000, 'the lock', waiting)) - killedAt;
  assert.ok(waited < 2_500, `it took ${waited} ms`);
  assert.ok(waited > 300, `it took only ${waited} ms`);
});

test('a holder that was stopped beyond its lease learns it before it does harm, and writes nothing', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, leaseTime: 1_000 });
  await store.set('app', { refreshToken: 'first' });
  const holder = startProgram('hold', { connectionString: scene.cluster.connectionString(), schema, leaseTime: 1_000 });
  assert.is(await holder.line(), 'held');
  holder.kill('SIGSTOP');
  await within(
    5_000,
    'the lock',
    store.exclusively('app', () => store.replace('app', 'first', { refreshToken: 'of the successor' })),
  );
  holder.tell('aborted');
  holder.tell('replace late');
  holder.tell('set late');
  holder.kill('SIGCONT');
  const lines = [await holder.line(), await holder.line(), await holder.line(), await holder.line()];
  assert.equal(lines.sort(), ['STORE_BUSY lock-lost', 'abort event', 'false true', 'true']);
  assert.equal(await store.get('app'), { refreshToken: 'of the successor' });
  holder.tell('end');
  assert.is(await holder.line(), 'released');
  assert.equal(await holder.ended, { code: 0, signal: null, errors: '' });
});

const losses = {
  'another store has the lock': "owner = 'another store', fence = fence + 1",
  'the store has acquired it once more': 'fence = fence + 1',
  'the lease has ended': 'ends_at = now()',
};
for (const [kind, change] of Object.entries(losses)) {
  test(`a write of a task counts only while its lease is held, also if the process does not know it yet: ${kind}`, async () => {
    const schema = scene.newSchema();
    const store = await scene.open({ schema });
    await store.set('app', { refreshToken: 'first' });
    await store.exclusively('app', async (lock) => {
      await scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET ${change}`);
      assert.is(lock.signal.aborted, false);
      assert.is(await store.replace('app', 'first', { refreshToken: 'late' }), false);
      assert.is(lock.signal.aborted, true);
      const { reason } = lock.signal as { reason: TokenStoreError };
      assert.equal([reason.code, reason.reason], ['STORE_BUSY', 'lock-lost']);
      for (const write of [() => store.set('app', { refreshToken: 'late' }), () => store.delete('app')]) {
        const error: TokenStoreError = await write().then(never, (rejected) => rejected);
        assert.equal([error.code, error.reason], ['STORE_BUSY', 'lock-lost']);
      }
      assert.ok(await store.replace('other name', undefined, { refreshToken: 'of another lock' }));
    });
    assert.equal(await store.get('app'), { refreshToken: 'first' });
    assert.ok(await store.replace('app', 'first', { refreshToken: 'outside of a task' }));
  });
}

test('a store releases no lock that is another one’s', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.exclusively('app', async () => {
    await scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET owner = 'another store', fence = fence + 1`);
  });
  assert.is(await leaseOf(schema, 'owner'), 'another store');
});

test('work that a task left running, and a task for another name, write without its fence', async () => {
  const store = await scene.open({ schema: scene.newSchema() });
  let left: Promise<boolean> | undefined;
  const gate = Promise.withResolvers<void>();
  await store.exclusively('app', async () => {
    left = gate.promise.then(() => store.replace('app', undefined, { refreshToken: 'later' }));
    await store.exclusively('sign-in', () => store.set('other', { refreshToken: 'other' }));
  });
  gate.resolve();
  assert.is(await left, true);
});

test('the signal aborts before the lease ends if the database cannot be reached, and another host goes on', async () => {
  const schema = scene.newSchema();
  const proxy = await scene.proxy();
  const cutOff = await scene.open({
    schema,
    leaseTime: 2_000,
    connectionString: scene.cluster.connectionString({ port: proxy.port }),
  });
  const other = await scene.open({ schema, leaseTime: 2_000 });
  const held = await hold(cutOff);
  const aborted = new Promise<number>((resolve) => {
    held.signal.addEventListener('abort', () => resolve(performance.now()));
  });
  const waiting = other.exclusively('app', async () => performance.now());
  await delay(400);
  proxy.swallow();
  const [abortedAt, begunAt] = await within(8_000, 'both', Promise.all([aborted, waiting]));
  assert.ok(abortedAt < begunAt, `it aborted ${abortedAt - begunAt} ms after the other one had begun`);
  proxy.heal();
  await held.end();
});

test('a process that gives up waiting and closes its store ends at once, and leaves the queue', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.exclusively('app', async () => {
    const program = startProgram('give-up', { connectionString: scene.cluster.connectionString(), schema });
    assert.is(await program.line(), 'closed');
    const started = performance.now();
    assert.equal(await program.ended, { code: 0, signal: null, errors: '' });
    assert.ok(performance.now() - started < 1_900, `it ended after ${performance.now() - started} ms`);
    assert.is(await leaseOf(schema, 'waiting'), '{}');
  });
});

test('a task that waits for nothing else does not keep the process alive, nor does a waiting listener', async () => {
  const idle = startProgram('idle', { connectionString: scene.cluster.connectionString(), schema: scene.newSchema() });
  assert.is(await idle.line(), 'done');
  const started = performance.now();
  assert.equal(await idle.ended, { code: 0, signal: null, errors: '' });
  assert.ok(performance.now() - started < 1_900, `it ended after ${performance.now() - started} ms`);
});

test.run();
