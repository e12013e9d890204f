import * as assert from 'uvu/assert';
import type { PostgresTokenStore, TokenStoreError } from '../src/index.ts';
import { tablesOf, toTopic } from '../src/tables/names.ts';
import { deadlineMs, fastestOf, hold, LockWatch, never, until } from './lock-watch.ts';
import { startScene } from './scene.ts';
import { within } from './within.ts';

const { scene, together: test } = await startScene();
const watch = new LockWatch(scene);

test('a waiting caller goes on within 100 ms of the release', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const other = await scene.open({ schema });
  const fastest = await fastestOf(20, 100, async () => {
    const held = await hold(store);
    let begunAt = 0;
    const waiting = other.exclusively('app', async () => {
      begunAt = performance.now();
    });
    await watch.untilQueue(schema, 1);
    await watch.untilListening(schema, 1);
    const endedAt = performance.now();
    await held.end();
    await within(deadlineMs, 'the waiting caller', waiting);
    return begunAt - endedAt;
  });
  assert.ok(fastest < 100, `it took ${fastest} ms`);
});

test('a waiting caller goes on within 150 ms if those before it in the queue are gone', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const other = await scene.open({ schema });
  const fastest = await fastestOf(20, 150, async () => {
    const held = await hold(store);
    await scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET waiting = ARRAY['lgone', 'lgone2']`);
    let begunAt = 0;
    const waiting = other.exclusively('app', async () => {
      begunAt = performance.now();
    });
    await until('it has joined', async () => /^\{lgone,lgone2,l/.test(await watch.leaseOf(schema, 'waiting')));
    await watch.untilListening(schema, 1);
    const endedAt = performance.now();
    await held.end();
    await within(deadlineMs, 'the waiting caller', waiting);
    assert.is(await watch.leaseOf(schema, 'waiting'), '{}');
    return begunAt - endedAt;
  });
  assert.ok(fastest < 150, `it took ${fastest} ms`);
});

test('stores take turns in the order in which they came, and one that takes the lock again and again gives way', async () => {
  const schema = scene.newSchema();
  const [first, ...others] = await Promise.all(Array.from({ length: 4 }, () => scene.open({ schema })));
  if (!first) throw new Error('unreachable');
  /** The first store has the lock, the others join the queue one after the other, then each has several turns. */
  const takeTurns = async (): Promise<number[]> => {
    const order: number[] = [];
    const held = await hold(first);
    const takes = async (store: PostgresTokenStore, index: number): Promise<void> => {
      for (let turn = 0; turn < 5; turn++) await store.exclusively('app', async () => void order.push(index));
    };
    const turns: Promise<void>[] = [];
    for (const [index, store] of others.entries()) {
      turns.push(takes(store, index + 1));
      await watch.untilQueue(schema, index + 1);
    }
    await watch.untilListening(schema, others.length);
    await held.end();
    await within(deadlineMs, 'all turns', Promise.all([...turns, takes(first, 0)]));
    return order;
  };
  // A busy machine makes a caller miss its turn. In one of the rounds none does.
  const orders: string[] = [];
  const inOrder = '1,2,3,';
  for (let left = 20; left > 0 && !orders.at(-1)?.startsWith(inOrder); left--) orders.push((await takeTurns()).join());
  assert.ok(orders.at(-1)?.startsWith(inOrder), orders.join('\n'));
});

test('a caller does not acquire a free lock before its turn', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.exclusively('app', async () => {});
  const outcomes: string[] = [];
  // Its turn comes a second later. A busy machine may need longer than that.
  for (let left = 20; left > 0 && outcomes.at(-1) !== 'STORE_BUSY'; left--) {
    await scene.cluster.query(
      `UPDATE ${schema}.oauth_token_lease SET waiting = ARRAY['lgone', 'lgone2'], ends_at = now() + interval '0.9 s'`,
    );
    const call = store.exclusively('app', async () => 'acquired', { timeout: 0 });
    outcomes.push(await call.catch((error: TokenStoreError) => error.code));
  }
  assert.is(outcomes.at(-1), 'STORE_BUSY');
});

test('a caller that missed its turn joins the queue again at the next release', async () => {
  const schema = scene.newSchema();
  const [store, dropped, next] = await Promise.all([1, 2, 3].map(() => scene.open({ schema, leaseTime: 60_000 })));
  if (!store || !dropped || !next) throw new Error('unreachable');
  const held = await hold(store);
  const waiting = dropped.exclusively('app', async () => 'my turn');
  await watch.untilQueue(schema, 1);
  await watch.untilListening(schema, 1);
  // As a caller does that acquires the lock before it.
  await scene.cluster.query(`UPDATE ${schema}.oauth_token_lease SET waiting = '{}'`);
  const following = hold(next);
  await watch.untilQueue(schema, 1);
  await held.end();
  const second = await following;
  // If the database is slow, it may have had its turn already, between the release and the next owner.
  await Promise.race([watch.untilQueue(schema, 1), waiting]);
  await second.end();
  assert.is(await within(deadlineMs, 'its turn', waiting), 'my turn');
});

test('it joins the queue again also if it hears of the release and of the next owner in one moment', async () => {
  const schema = scene.newSchema();
  const [store, dropped] = await Promise.all([1, 2].map(() => scene.open({ schema, leaseTime: 60_000 })));
  if (!store || !dropped) throw new Error('unreachable');
  const held = await hold(store);
  const waiting = dropped.exclusively('app', async () => 'my turn');
  await watch.untilQueue(schema, 1);
  await watch.untilListening(schema, 1);
  const tables = tablesOf(schema, { table: 'oauth_token' });
  const topic = toTopic(tables, 'app');
  // The server sends the messages of one statement together.
  await scene.cluster.query(
    `WITH dropped AS (UPDATE ${tables.leases} SET waiting = '{}' RETURNING 1)
     SELECT pg_notify('${tables.channel}', 'f${topic} next'), pg_notify('${tables.channel}', 't${topic} next') FROM dropped`,
  );
  await watch.untilQueue(schema, 1);
  await held.end();
  assert.is(await within(deadlineMs, 'its turn', waiting), 'my turn');
});

test('a caller that aborts leaves the queue, and the one behind it goes on', async () => {
  const schema = scene.newSchema();
  const [store, first, second] = await Promise.all([1, 2, 3].map(() => scene.open({ schema })));
  if (!store || !first || !second) throw new Error('unreachable');
  const held = await hold(store);
  const controller = new AbortController();
  const aborted = first.exclusively('app', never, { signal: controller.signal }).catch((error) => error);
  await watch.untilQueue(schema, 1);
  const waiting = second.exclusively('app', async () => 'my turn');
  await watch.untilQueue(schema, 2);
  const reason = new Error('no longer needed');
  controller.abort(reason);
  assert.is(await aborted, reason);
  await watch.untilQueue(schema, 1);
  await held.end();
  assert.is(await within(deadlineMs, 'the next caller', waiting), 'my turn');
});

test.run();
