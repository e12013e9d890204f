import { setTimeout as delay } from 'node:timers/promises';
import { least } from 'testing-authority/least';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { PostgresTokenStore } from '../src/index.ts';
import { statementsFor } from '../src/statements.ts';
import { deadlineMs, hold, LockWatch, never } from './lock-watch.ts';
import { startScene } from './scene.ts';

const { scene, together: test } = await startScene();
const watch = new LockWatch(scene);

test('a waiting caller goes on within 100 ms of the release', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const other = await scene.open({ schema });
  const measure = async (): Promise<number> => {
    const held = await hold(store);
    await watch.forgetWanted(schema);
    const waiting = other.exclusively('app', async () => performance.now());
    await watch.untilWanted(schema);
    await watch.untilListening(schema, 1);
    const endedAt = performance.now();
    await held.end();
    return (await within('the waiting caller', waiting, deadlineMs)) - endedAt;
  };
  // A wait that is over before it is worth a connection leaves that to the next one.
  await other.changed('app', { timeout: 1 });
  await delay(50);
  // The first caller may have tried because its store began to listen.
  await measure();
  const fastest = await least(100, 20, measure);
  assert.ok(fastest < 100, `it took ${fastest} ms`);
  const { random } = Math;
  Math.random = () => 0.99;
  try {
    assert.ok((await measure()) > 40, 'callers that are told all try at once');
  } finally {
    Math.random = random;
  }
});

/** Takes the lock again and again, without a pause, until it is stopped. */
class Taker {
  turns = 0;
  #isStopped = false;
  readonly #taking: Promise<void>;

  constructor(store: PostgresTokenStore, holdMs: number) {
    this.#taking = this.#take(store, holdMs);
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    return within('its last turn', this.#taking, deadlineMs);
  }

  async #take(store: PostgresTokenStore, holdMs: number): Promise<void> {
    for (; !this.#isStopped; this.turns++) await store.exclusively('app', () => delay(holdMs));
  }
}

test('of stores that take the lock again and again, each gets its turns', async () => {
  const schema = scene.newSchema();
  const stores = await Promise.all(Array.from({ length: 6 }, () => scene.open({ schema })));
  const takers = stores.map((store) => new Taker(store, 10));
  for (const end = performance.now() + deadlineMs; takers.some(({ turns }) => turns < 3); await delay(50)) {
    assert.ok(performance.now() < end, `turns: ${takers.map(({ turns }) => turns)}`);
  }
  await Promise.all(takers.map((taker) => taker.stop()));
});

for (const [kind, listen] of [
  ['told', true],
  ['not told', false],
] as const)
  test(`one that is ${kind} of a release gets the next turn from one that takes the lock again and again`, async () => {
    const fewest = await least(0, 3, async () => {
      const schema = scene.newSchema();
      const greedy = await scene.open({ schema, leaseTime: 20_000 });
      const patient = await scene.open({ schema, listen });
      const first = await hold(greedy);
      const waiting = patient.exclusively('app', async () => taker.turns);
      await watch.untilWanted(schema);
      if (listen) await watch.untilListening(schema, 1);
      const taker = new Taker(greedy, 2_000);
      await first.end();
      const turns = await within('its turn', waiting, deadlineMs);
      await taker.stop();
      return turns;
    });
    assert.is(fewest, 0);
  });

test('a store that listens goes on for a caller that waits again, and tells it what came before', async () => {
  const schema = scene.newSchema();
  const [store, other] = [await scene.open({ schema }), await scene.open({ schema })];
  await store.set('app', { refreshToken: 'first' });
  const stop = new AbortController();
  const { signal } = stop;
  await store.get('other');
  const waits = ['app', 'other'].map((name) => store.changed(name, { timeout: deadlineMs, signal }));
  const first = Promise.allSettled(waits);
  await watch.untilListening(schema, 1);
  const { channel } = statementsFor(schema, 'oauth_token');
  const session = () => scene.cluster.query(`SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN ${channel}'`);
  const same = await session();
  stop.abort();
  await first;
  await other.set('app', { refreshToken: 'second' });
  await delay(100);
  await within('the change', store.changed('app', { timeout: deadlineMs }), 3_000);
  assert.is(await session(), same);
  await Promise.all([2_500, 1].map((timeout) => store.changed('app', { timeout })));
  await within('a session that listens', watch.untilListening(schema, 1), 1_000);
  await store.close();
  await within('its end', watch.untilListening(schema, 0), 1_500);
});

test('a change that comes before its store listens is noticed when it does', async () => {
  const schema = scene.newSchema();
  const [store, other] = [await scene.open({ schema }), await scene.open({ schema })];
  await store.get('app');
  const change = store.changed('app', { timeout: deadlineMs });
  await other.set('app', { refreshToken: 'first' });
  await within('the change', change, 3_000);
});

test('a store that is told of its own write takes it for no change, and of no other name', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.get('other');
  const stop = new AbortController();
  const wait = store.changed('other', { timeout: deadlineMs, signal: stop.signal }).catch(() => 'stopped');
  await watch.untilListening(schema, 1);
  await store.set('app', { refreshToken: 'first' });
  await delay(100);
  const change = store.changed('app', { timeout: 400 }).then(() => 'a change');
  assert.is(await Promise.race([change, wait, delay(200, 'none')]), 'none');
  stop.abort();
  await Promise.all([change, wait]);
});

test('a caller whose connection that listens is lost looks at once', async () => {
  const schema = scene.newSchema();
  const [store, other] = [await scene.open({ schema }), await scene.open({ schema })];
  const held = await hold(store);
  const next = other.exclusively('app', async () => 'ran');
  await watch.untilListening(schema, 1);
  const { channel } = statementsFor(schema, 'oauth_token');
  const end = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity';
  await scene.cluster.query(`${end} WHERE query = 'LISTEN ${channel}'`);
  await watch.untilListening(schema, 0);
  await held.end();
  assert.is(await within('the turn', next, 3_000), 'ran');
});

test('a caller that waits with another one goes on soon after the other one has given up', async () => {
  const schema = scene.newSchema();
  const held = await hold(await scene.open({ schema, leaseTime: 20_000 }));
  const [polling, listening] = [await scene.open({ schema, listen: false }), await scene.open({ schema })];
  const givenUp = polling.exclusively('app', never, { timeout: 500 }).catch(() => {});
  await watch.untilWanted(schema);
  const waiting = listening.exclusively('app', async () => 'ran');
  await watch.untilListening(schema, 1);
  await givenUp;
  // Longer than what the other one has noted.
  await delay(1_600);
  await held.end();
  assert.is(await within('the turn', waiting, 2_000), 'ran');
});

test('a caller that gave up leaves no connection that listens', async () => {
  const schema = scene.newSchema();
  const [store, other] = [await scene.open({ schema }), await scene.open({ schema })];
  const held = await hold(store);
  const stop = new AbortController();
  const givenUp = other.exclusively('app', never, { signal: stop.signal }).catch((error) => error);
  await watch.untilListening(schema, 1);
  stop.abort();
  assert.is(await givenUp, stop.signal.reason);
  await watch.untilListening(schema, 0);
  await held.end();
  const change = other.changed('app', { timeout: deadlineMs });
  await within('a new session', watch.untilListening(schema, 1), 2_000);
  await store.set('app', { refreshToken: 'first' });
  await change;
});

test('a caller that gave up is not waited for longer than a moment', async () => {
  const schema = scene.newSchema();
  const [store, other] = [await scene.open({ schema }), await scene.open({ schema })];
  const fastest = await least(1_000, 5, async () => {
    const held = await hold(store);
    await watch.forgetWanted(schema);
    const controller = new AbortController();
    const givenUp = other.exclusively('app', never, { signal: controller.signal }).catch((error) => error);
    await watch.untilWanted(schema);
    controller.abort();
    assert.is(await givenUp, controller.signal.reason);
    await held.end();
    const startedAt = performance.now();
    for (let turn = 0; turn < 5; turn++) await store.exclusively('app', async () => {});
    return performance.now() - startedAt;
  });
  assert.ok(fastest < 1_000, `5 turns took ${fastest} ms`);
});

test.run();
