import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { least } from 'testing-authority/least';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { openDatabase } from '../src/connection/own-pool.ts';
import type { TokenStoreError } from '../src/index.ts';
import { Locks } from '../src/lock/locks.ts';
import { readOptions } from '../src/options.ts';
import { openTables } from '../src/records/open-tables.ts';
import { deadlineMs, hold, LockWatch, never, until } from './lock-watch.ts';
import { startScene } from './scene.ts';
import { startProgram } from './start-program.ts';

const { scene, together: test } = await startScene();
const watch = new LockWatch(scene);

test('a renewal that fails is tried again soon, so that a short outage does not cost the lock', async () => {
  const pool = scene.newPool('short outage');
  let isDown = false;
  const connect = (): Promise<unknown> => {
    if (!isDown) return pool.connect();
    setTimeout(() => {
      isDown = false;
    }, 1_500);
    return Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED', syscall: 'connect' }));
  };
  const unreliable = new Proxy(pool, { get: (_, key) => (key === 'connect' ? connect : Reflect.get(pool, key)) });
  const store = await scene.open({ pool: unreliable, leaseTime: 4_000 });
  await store.exclusively('app', async (lock) => {
    isDown = true;
    await until('it was down', async () => !isDown);
    // By now the lease would have ended without a renewal.
    await delay(4_000);
    assert.is(lock.signal.aborted, false);
  });
});

test('a renewal that a dead connection swallows is tried again on a fresh one before the lease ends', async () => {
  const schema = scene.newSchema();
  const proxy = await scene.proxy();
  const connectionString = scene.cluster.connectionString({ port: proxy.port });
  const store = await scene.open({ schema, connectionString, leaseTime: 9_000, listen: false });
  // As many connections as the store has, all idle.
  await Promise.all(['one', 'two', 'three'].map((name) => store.set(name, { refreshToken: 'first' })));
  await store.exclusively('app', async ({ signal }) => {
    proxy.silence();
    const acquired = await watch.leaseOf(schema, 'ends_at');
    await until('it is renewed', async () => (await watch.leaseOf(schema, 'ends_at')) !== acquired);
    assert.is(signal.aborted, false);
  });
});

test('no task runs after an abort, also if the lock has been acquired', async () => {
  const pool = scene.newPool('late abort');
  const reason = new Error('no longer needed');
  const asked: (() => void)[] = [];
  const connect = async (): Promise<unknown> => {
    const client = await pool.connect();
    const { release } = client;
    // A statement was answered.
    client.release = (destroy) => {
      asked.pop()?.();
      release(destroy);
    };
    return client;
  };
  const store = await scene.open({
    pool: new Proxy(pool, { get: (_, key) => (key === 'connect' ? connect : Reflect.get(pool, key)) }),
  });
  for (let ticks = 0; ticks < 30; ticks++) {
    const controller = new AbortController();
    const { signal } = controller;
    asked.push(async () => {
      for (let tick = 0; tick < ticks; tick++) await undefined;
      controller.abort(reason);
    });
    const task = async (): Promise<void> => assert.is(signal.aborted, false, `${ticks} microtasks after the answer`);
    await store.exclusively('app', task, { signal }).catch((error) => assert.is(error, reason));
  }
});

test('close() waits for the release of a lock that a caller acquires after it gave up', async () => {
  const [schema, proxy] = [scene.newSchema(), await scene.proxy()];
  const connectionString = scene.cluster.connectionString({ port: proxy.port });
  const store = await scene.open({ schema, connectionString, leaseTime: 20_000 });
  const other = await scene.open({ schema });
  proxy.delayMs = 40;
  const controller = new AbortController();
  const givenUp = store.exclusively('app', never, { signal: controller.signal }).catch(() => {});
  await delay(20);
  controller.abort();
  await Promise.all([givenUp, store.close()]);
  assert.is(await other.exclusively('app', async () => 'free', { timeout: 5_000 }), 'free');
});

test('no connection is held while the task runs', async () => {
  const pool = scene.newPool('held', { maxUses: 1 });
  const held = await hold(await scene.open({ pool }));
  const connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'held'";
  await until('there is no connection', async () => (await scene.cluster.query(connections)) === '0');
  await held.end();
});

test('STORE_BUSY names host and process of the holder', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const other = await scene.open({ schema });
  const held = await hold(store);
  for (const timeout of [0, 100]) {
    assert.is(await watch.leaseOf(schema, 'wanted_until'), '', 'the holder would wait for a caller that has gone');
    const error: TokenStoreError = await other.exclusively('app', never, { timeout }).catch((reason) => reason);
    assert.is(error.code, 'STORE_BUSY');
    assert.is(error.reason, 'lock-held');
    assert.is(error.holder, `process ${process.pid} on ${hostname()}`);
    assert.match(error.message, `process ${process.pid} on ${hostname()} holds the lock of "app"`);
  }
  await held.end();
});

const losses = {
  'another store has the lock': "owner = 'another store', fence = fence + 1",
  'the store has acquired it once more': 'fence = fence + 1',
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
      const late = () => store.replace('app', 'first', { refreshToken: 'late' });
      assert.is(await store.exclusively('sign-in', late), false);
      assert.ok(await store.replace('other name', undefined, { refreshToken: 'of another lock' }));
    });
    assert.equal(await store.get('app'), { refreshToken: 'first' });
    assert.ok(await store.replace('app', 'first', { refreshToken: 'outside of a task' }));
  });
}

test('a renewal that finds that another store has the lock aborts the signal', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, leaseTime: 600 });
  await store.exclusively('app', async ({ signal }) => {
    await scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET owner = 'another store', fence = fence + 1`);
    await within('the abort', new Promise((resolve) => signal.addEventListener('abort', resolve)), deadlineMs);
  });
});

test('to acquire a lock that is free makes no connection to listen, also over 80 ms', async () => {
  const proxy = await scene.proxy();
  const url = scene.cluster.connectionString({ port: proxy.port });
  const store = await scene.open({ connectionString: `${url}?application_name=far` });
  proxy.delayMs = 40;
  await store.exclusively('app', async () => {});
  const sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'far'";
  assert.is(await scene.cluster.query(sessions), '1');
});

test('close() takes the locks of tasks that need too long', async () => {
  const settings = readOptions({ connectionString: scene.cluster.connectionString(), schema: scene.newSchema() });
  const database = await openDatabase(settings);
  const locks = new Locks(await openTables(database, settings), 60_000);
  const begun = Promise.withResolvers<void>();
  const task = locks.run(
    'app',
    ({ signal }) => {
      begun.resolve();
      return within('the abort', new Promise((resolve) => signal.addEventListener('abort', resolve)), deadlineMs);
    },
    { timeout: deadlineMs },
  );
  await within('the task', begun.promise, deadlineMs);
  await locks.idle(10);
  await task;
  await database.close();
});

test('a store releases no lock that is another one’s', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.exclusively('app', async () => {
    await scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET owner = 'another store', fence = fence + 1`);
  });
  assert.is(await watch.leaseOf(schema, 'owner'), 'another store');
});

test('a replace counts if another store has written a record with the same token meanwhile', async () => {
  const schema = scene.newSchema();
  const [store, other] = [await scene.open({ schema }), await scene.open({ schema })];
  await store.set('app', { refreshToken: 'first' });
  await other.set('app', { refreshToken: 'first', accessToken: 'other' });
  assert.ok(await store.replace('app', 'first', { refreshToken: 'second' }));
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
  const late = await least(0, 3, abortWhileCutOff);
  assert.ok(late < 0, `it aborted ${late} ms after its lease had ended`);
});

/** Returns how long after the end of the lease. */
async function abortWhileCutOff(): Promise<number> {
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
    held.signal.addEventListener('abort', () => resolve(Date.now()));
  });
  const waiting = other.exclusively('app', async () => {});
  await watch.untilWanted(schema);
  proxy.swallow();
  const endsAt = Number(await watch.leaseOf(schema, 'extract(epoch FROM ends_at) * 1000'));
  const [abortedAt] = await within('both', Promise.all([aborted, waiting]), deadlineMs);
  proxy.heal();
  await held.end();
  return abortedAt - endsAt;
}

/** How long a program runs after this line, which is its last one. */
async function timeToEnd(name: string, target: object, lastLine: string): Promise<number> {
  const program = startProgram(name, target);
  assert.is(await program.line(), lastLine);
  const started = performance.now();
  assert.is((await program.ended).code, 0);
  return performance.now() - started;
}

for (const delayMs of [0, 40])
  test(`a process that gives up waiting and closes its store ends at once, over ${delayMs} ms, with which it still connects to listen`, async () => {
    const schema = scene.newSchema();
    const store = await scene.open({ schema });
    const proxy = await scene.proxy();
    proxy.delayMs = delayMs;
    await store.exclusively('app', async () => {
      const target = { connectionString: scene.cluster.connectionString({ port: proxy.port }), schema };
      const took = await least(1_900, 5, () => timeToEnd('give-up', target, 'closed'));
      assert.ok(took < 1_900, `it ended after ${took} ms`);
    });
  });

test('a task that waits for nothing else does not keep the process alive, nor does a waiting listener', async () => {
  const target = { connectionString: scene.cluster.connectionString() };
  const took = await least(1_900, 5, () => timeToEnd('idle', { ...target, schema: scene.newSchema() }, 'done'));
  assert.ok(took < 1_900, `it ended after ${took} ms`);
});

for (const writes of [true, false])
  test(`a process whose task has ended while the database was away ends, and does not renew its lease any more: it ${writes ? 'could not write' : 'has nothing to write'}`, async () => {
    const proxy = await scene.proxy();
    const connectionString = scene.cluster.connectionString({ port: proxy.port });
    const program = startProgram('cut-off', { connectionString, schema: scene.newSchema(), leaseTime: 5_000, writes });
    assert.is(await program.line(), 'held');
    proxy.refuse();
    assert.is(await program.line(), 'done');
    const started = performance.now();
    assert.is((await program.ended).code, 0);
    const took = performance.now() - started;
    assert.ok(took < 2_000, `it ended after ${took} ms`);
  });

test.run();
