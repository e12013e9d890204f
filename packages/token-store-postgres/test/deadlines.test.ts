// Takes about 12 s.
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { PostgresTokenStore, PostgresTokenStoreOptions } from '../src/index.ts';
import { assertUnreachable, attempt } from './attempt.ts';
import { startScene } from './scene.ts';
import { startProgram } from './start-program.ts';
import { type Fate, UnreliablePool } from './unreliable-pool.ts';

const { scene, together: test } = await startScene();

const record = { refreshToken: 'first' };

const timeout = 700;
type Call = (store: PostgresTokenStore) => Promise<unknown>;
/** The calls, and in how many milliseconds the README promises their answers. */
const calls: Record<string, [call: Call, promisedMs: number]> = {
  // First: it has the connection that is there, and waits for an answer.
  exclusively: [(store) => store.exclusively('app', async () => 'ran', { timeout }), timeout + 1_000],
  get: [(store) => store.get('app'), 10_000],
  list: [(store) => store.list(), 10_000],
  set: [(store) => store.set('app', record), 10_000],
  replace: [(store) => store.replace('app', 'first', record), 10_000],
  delete: [(store) => store.delete('app'), 10_000],
  changed: [(store) => store.changed('app', { timeout }), timeout + 1_000],
};

type Pool = (connectionString: string) => PostgresTokenStoreOptions;
const pools: Record<string, Pool> = {
  'the own pool': (connectionString) => ({ connectionString }),
  'a pool of the caller': (connectionString) => ({ pool: scene.newPool('of the caller', { connectionString }) }),
};

test('close() while the network is dead: the process ends, and does not wait for a call that is under way', async () => {
  const proxy = await scene.proxy();
  const program = startProgram('close-late', {
    connectionString: scene.cluster.connectionString({ port: proxy.port }),
  });
  assert.is(await program.line(), 'opened');
  proxy.swallow();
  const started = performance.now();
  program.tell('go');
  assert.is((await within('its end', program.ended)).output, 'unreachable');
  const took = performance.now() - started;
  // The answer would be waited for for 10 s.
  assert.ok(took < 7_000, `it took ${took} ms`);
});

test('a write that has to read again is answered in its own time, although it finds a later read waiting', async () => {
  const schema = scene.newSchema();
  const sent = Promise.withResolvers<void>();
  let fate: Fate = { type: 'normal' };
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), () => fate));
  const [store, other] = [await scene.open({ schema, pool }), await scene.open({ schema })];
  await store.set('app', record);
  fate = { type: 'slow', after: sent.promise };
  const writing = attempt(() => store.replace('app', 'first', { refreshToken: 'second' }));
  await other.set('app', { refreshToken: 'first', accessToken: 'of another process' });
  await delay(1_500);
  pool.connect = () => new Promise(() => {});
  const reading = attempt(() => store.get('app'));
  sent.resolve();
  // Each has 9.5 s from its call on. On a busy machine, both take longer.
  assert.is(await Promise.race([writing.then(() => 'replace'), reading.then(() => 'get')]), 'replace');
  assertUnreachable(await writing, 'replace');
});

test('a write that finds a later one choosing the key is answered in its own time', async () => {
  const schema = scene.newSchema();
  const read = Promise.withResolvers<void>();
  let fate: Fate = { type: 'normal' };
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), () => fate));
  const store = await scene.open({ schema, pool, key: Buffer.alloc(32, 7), otherKeys: [undefined] });
  const other = await scene.open({ schema });
  await other.set('app', record);
  fate = { type: 'delayed', after: read.promise };
  const replacing = attempt(() => store.replace('app', 'first', { refreshToken: 'second' }));
  await delay(1_500);
  pool.connect = () => new Promise(() => {});
  const setting = attempt(() => store.set('another', record));
  read.resolve();
  assert.is(await Promise.race([replacing.then(() => 'replace'), setting.then(() => 'set')]), 'replace');
  assertUnreachable(await replacing, 'replace');
});

for (const [kind, options] of Object.entries(pools)) {
  test(`a connection that swallows everything, of ${kind}: each call is answered in the promised time`, async () => {
    const proxy = await scene.proxy();
    const store = await scene.open(options(scene.cluster.connectionString({ port: proxy.port })));
    await store.set('app', record);
    proxy.swallow();
    const answers = Object.entries(calls).map(async ([name, [call, promisedMs]], index) => {
      if (index > 0) await delay(20);
      const started = performance.now();
      const outcome = await attempt(() => call(store));
      const took = performance.now() - started;
      assertUnreachable(outcome, name);
      return took > promisedMs ? [`${name} took ${Math.round(took)} ms`] : [];
    });
    assert.equal((await Promise.all(answers)).flat(), []);
    proxy.heal();
    assert.equal(await store.get('app'), record);
    proxy.swallow();
    const pending = attempt(() => store.get('app'));
    await within('close()', store.close(), 3_000);
    if (kind === 'the own pool') assertUnreachable(await pending, 'the call that was under way');
  });

  test(`a write whose connection swallows it is written on a fresh one after 2 s: ${kind}`, async () => {
    const proxy = await scene.proxy();
    const { pool, ...opened } = options(scene.cluster.connectionString({ port: proxy.port }));
    const store = await scene.open({ pool, ...opened });
    // Each has a connection of its own, and leaves it idle.
    await Promise.all(['app', 'another', 'a third'].map((name) => store.set(name, record)));
    proxy.silence();
    const started = performance.now();
    const written = store.replace('app', 'first', { refreshToken: 'second' });
    assert.is(await within('the write', written), true);
    const took = performance.now() - started;
    assert.ok(took < 4_000, `it took ${took} ms`);
    if (pool) assert.is((pool as pg.Pool).totalCount, 1, 'it keeps connections that may be dead');
  });

  test(`a table that another session has locked costs the server few connections: ${kind}`, async () => {
    const schema = scene.newSchema();
    const name = `locked-${kind.replaceAll(' ', '-')}`;
    const stores = await Promise.all(
      Array.from({ length: 3 }, () =>
        scene.open({ schema, ...options(`${scene.cluster.connectionString()}?application_name=${name}`) }),
      ),
    );
    await stores[0]?.set('app', record);
    const blocker = new pg.Client(scene.cluster.connectionString());
    await blocker.connect();
    await blocker.query(`BEGIN; LOCK TABLE ${schema}.oauth_token, ${schema}.oauth_token_lease`);
    const calling = stores.flatMap((store) =>
      [...Array(20)].map(async (_, index) => {
        await delay(index * 400);
        await attempt(() => (index % 2 ? store.get('app') : store.exclusively('app', async () => 1, { timeout })));
      }),
    );
    const count = `SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('${name}', 'of the caller')`;
    let most = 0;
    for (let look = 0; look < 20; look++) {
      most = Math.max(most, Number(await scene.cluster.query(count)));
      await delay(400);
    }
    await blocker.query('ROLLBACK');
    await Promise.all(calling);
    await blocker.end();
    assert.equal(await stores[0]?.get('app'), record);
    console.log(`\nmeasured: ${kind}: at most ${most} connections of three stores`);
    assert.ok(most <= 3 * 11, `${most} connections`);
  });
}

test('a change of key does not wait without end for a connection', async () => {
  const pool = scene.newPool('used up', { max: 1 });
  const store = await scene.open({ pool });
  const client = await pool.connect();
  assertUnreachable(await attempt(() => store.rekey('passphrase')), 'rekey');
  client.release();
  await store.rekey('passphrase');
});

for (const [kind, host] of [
  ['over TCP', '127.0.0.1'],
  ['over its socket', encodeURIComponent(scene?.cluster.folder)],
] as const)
  test(`the server does not go on with a statement that was given up: ${kind}`, async () => {
    const schema = scene.newSchema();
    const connectionString = scene.cluster.connectionString({ host });
    const store = await scene.open({ schema, pool: scene.newPool(`given up ${kind}`, { connectionString }) });
    const blocker = new pg.Client(scene.cluster.connectionString());
    await blocker.connect();
    await blocker.query(`BEGIN; LOCK TABLE ${schema}.oauth_token`);
    const reading = attempt(() => store.get('app'));
    const waiting = `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'given up ${kind}' AND wait_event_type = 'Lock'`;
    // The first one was given up after 2 s, and the second one waits.
    await delay(3_500);
    const count = await scene.cluster.query(waiting);
    await blocker.query('ROLLBACK');
    await blocker.end();
    assert.equal(await reading, { result: undefined });
    assert.is(count, '1');
  });

test('a server that takes longer than the first try waits for an answer is waited for by the second one', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await scene.cluster.query(`CREATE FUNCTION ${schema}.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2.2); RETURN NEW; END';
    CREATE TRIGGER slow BEFORE INSERT ON ${schema}.oauth_token FOR EACH ROW EXECUTE FUNCTION ${schema}.slow()`);
  await store.set('app', record);
  assert.equal(await store.get('app'), record);
});

test.run();
