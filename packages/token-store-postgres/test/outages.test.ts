// Takes about 15 s.
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { assertUnreachable, attempt } from './attempt.ts';
import { LockWatch } from './lock-watch.ts';
import { startScene } from './scene.ts';

const { scene, together: test } = await startScene();

const record = { refreshToken: 'first' };

for (const kind of ['the own pool', 'a pool of the caller'])
  test(`an answer that was lost is found out: ${kind}`, async () => {
    const proxy = await scene.proxy();
    const connectionString = scene.cluster.connectionString({ port: proxy.port });
    const options =
      kind === 'the own pool' ? { connectionString } : { pool: scene.newPool('lost', { connectionString }) };
    const store = await scene.open({ ...options, listen: false });
    const calls: (() => Promise<unknown>)[] = [
      () => store.set('app', record),
      () => store.replace('app', 'first', { refreshToken: 'second' }),
      () => store.exclusively('app', () => store.replace('app', 'second', { refreshToken: 'third' })),
      () => store.delete('app'),
    ];
    const results = [];
    for (const call of calls) {
      void proxy.cutAfter('server', 0);
      results.push(await attempt(call));
    }
    assert.equal(results, [{ result: undefined }, { result: true }, { result: true }, { result: true }]);
    assert.equal(await store.list(), []);
  });

/** Two stores of one table, the first one behind a proxy. */
async function openTwo() {
  const schema = scene.newSchema();
  const proxy = await scene.proxy();
  const connectionString = scene.cluster.connectionString({ port: proxy.port });
  const store = await scene.open({ schema, connectionString, listen: false });
  return { proxy, store, other: await scene.open({ schema }) };
}

const mine = { refreshToken: 'mine' };
const later = { refreshToken: 'later' };

test('a set or delete whose request was lost is done, also over a sign-in that its store had not seen', async () => {
  const { proxy, store, other } = await openTwo();
  for (const [write, stored] of [
    [() => store.delete('app'), undefined],
    [() => store.set('app', mine), mine],
  ] as const) {
    await store.set('app', record);
    await other.set('app', later);
    const cut = proxy.cutAfter('client', 0);
    await write();
    await within('the cut', cut, 1_000);
    assert.equal(await other.get('app'), stored);
  }
});

test('a write whose answer was lost is not done again over what was written since, and says that it was done', async () => {
  const { proxy, store, other } = await openTwo();
  const writes: [known: boolean, result: unknown, write: () => Promise<unknown>][] = [
    [false, undefined, () => store.set('app', mine)],
    [true, undefined, () => store.set('app', mine)],
    [true, true, () => store.replace('app', 'first', mine)],
    [true, true, () => store.delete('app')],
  ];
  for (const [known, result, write] of writes) {
    if (known) await store.set('app', record);
    const cut = proxy.cutAfter('server', 0);
    const writing = write();
    await within('the cut', cut, 10_000);
    proxy.refuse();
    await other.set('app', later);
    // As many as a row remembers.
    for (let count = 1; count < 32; count++) assert.ok(await other.replace('app', 'later', later));
    proxy.heal();
    assert.is(await writing, result);
    assert.is(await store.replace('app', 'mine', record), false);
    assert.equal(await other.get('app'), later);
  }
});

test('a write of which it stays unknown whether it was done says so, and one that was not sent does not', async () => {
  const { proxy, store } = await openTwo();
  const loseAnswer = async (call: () => Promise<unknown>) => {
    const cut = proxy.cutAfter('server', 0);
    const outcome = attempt(call);
    await within('the cut', cut, 10_000);
    proxy.refuse();
    return outcome;
  };
  const outcomes = [await loseAnswer(() => store.set('app', record))];
  const started = performance.now();
  outcomes.push(await attempt(() => store.set('app', record)));
  const took = performance.now() - started;
  assert.ok(took < 5_000, `it took ${took} ms, although nothing was lost`);
  proxy.heal();
  await store.set('app', record);
  // It reads first.
  outcomes.push(await loseAnswer(() => store.replace('app', 'second', record)));
  const says = outcomes.map((outcome) => 'error' in outcome && /done is not known/.test(outcome.error.problem));
  assert.equal(says, [true, false, false]);
  for (const outcome of outcomes) assertUnreachable(outcome, 'each');
});

test('statement_timeout, a lock of another session and idle_in_transaction_session_timeout: STORE_BUSY, and the next call works', async () => {
  const schema = scene.newSchema();
  await (await scene.open({ schema })).set('app', record);
  await scene.cluster.query("CREATE ROLE hurried SUPERUSER LOGIN; ALTER ROLE hurried SET statement_timeout = '200ms'");
  await scene.cluster.query("ALTER ROLE hurried SET idle_in_transaction_session_timeout = '100ms'");
  const store = await scene.open({ schema, connectionString: scene.cluster.connectionString({ user: 'hurried' }) });
  const blocker = new pg.Client(scene.cluster.connectionString());
  await blocker.connect();
  await blocker.query(`BEGIN; LOCK TABLE ${schema}.oauth_token`);
  for (const call of [() => store.get('app'), () => store.set('app', record), () => store.delete('app')]) {
    const outcome = await attempt(call);
    assert.ok('error' in outcome);
    assert.equal([outcome.error.code, outcome.error.reason], ['STORE_BUSY', 'database-locked']);
    assert.not.match(outcome.error.message, 'not known');
  }
  await blocker.query('ROLLBACK');
  await blocker.end();
  assert.equal(await store.get('app'), record);
  await store.rekey(new Uint8Array(32));
  assert.equal(await store.get('app'), record);
});

test('a row that another session has locked, on a pool of the caller: STORE_BUSY', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, pool: scene.newPool('waits for a row') });
  await store.exclusively('app', () => store.set('app', record));
  const blocker = new pg.Client(scene.cluster.connectionString());
  await blocker.connect();
  const lock = (table: string): string => `SELECT 1 FROM ${schema}.${table} FOR UPDATE`;
  await blocker.query(`BEGIN; ${lock('oauth_token')}; ${lock('oauth_token_lease')}`);
  const calls = [() => store.set('app', record), () => store.exclusively('app', async () => {})];
  for (const outcome of await Promise.all(calls.map(attempt)))
    assert.is('error' in outcome && outcome.error.reason, 'database-locked');
  await blocker.end();
});

test('a write that the server ends in favor of another session is repeated', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.set('app', record);
  // Unlike a table, a sequence still counts what is rolled back.
  await scene.cluster.query(`CREATE SEQUENCE ${schema}.tries; CREATE FUNCTION ${schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    CASE nextval('${schema}.tries') WHEN 1 THEN RAISE deadlock_detected; WHEN 2 THEN RAISE serialization_failure; ELSE RETURN NEW; END CASE; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON ${schema}.oauth_token FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse()`);
  assert.ok(await store.replace('app', 'first', { refreshToken: 'second' }));
  assert.equal(await store.get('app'), { refreshToken: 'second' });
});

test('a table that another session has locked: a connection of the own pool is told, on one of the caller’s it looks like a server that hangs', async () => {
  const schema = scene.newSchema();
  const own = await scene.open({ schema });
  const callers = await scene.open({ schema, pool: scene.newPool('waits for a table') });
  await own.set('app', record);
  const blocker = new pg.Client(scene.cluster.connectionString());
  await blocker.connect();
  await blocker.query(`BEGIN; LOCK TABLE ${schema}.oauth_token`);
  const [told, silent] = await Promise.all([attempt(() => own.get('app')), attempt(() => callers.get('app'))]);
  await blocker.query('ROLLBACK');
  await blocker.end();
  assert.ok('error' in told && 'error' in silent);
  assert.equal([told.error.code, told.error.reason], ['STORE_BUSY', 'database-locked']);
  assert.equal([silent.error.code, silent.error.reason], ['STORE_OPEN', 'unreachable']);
  for (const { error } of [told, silent]) assert.match(error.message, /VACUUM FULL.*pg_blocking_pids/);
  assert.equal(await callers.get('app'), record);
});

test('a caller that waits and whose database goes away is told so when its time is up', async () => {
  const schema = scene.newSchema();
  const proxy = await scene.proxy();
  const holder = await scene.open({ schema });
  const pool = scene.newPool('goes away', { connectionString: scene.cluster.connectionString({ port: proxy.port }) });
  let tries = 0;
  const connect = (): Promise<unknown> => {
    tries++;
    return pool.connect();
  };
  const counted = new Proxy(pool, { get: (_, key) => (key === 'connect' ? connect : Reflect.get(pool, key)) });
  const store = await scene.open({ schema, pool: counted });
  await holder.exclusively('app', async () => {
    const waiting = attempt(() => store.exclusively('app', async () => 1, { timeout: 3_000 }));
    await new LockWatch(scene).untilWanted(schema);
    proxy.refuse();
    const outcome = await waiting;
    assert.ok('error' in outcome);
    assertUnreachable(outcome, 'a caller that waits');
    assert.ok(tries < 20, `${tries} connections`);
  });
});

test('a task whose write did not get through keeps the lock until its lease ends, so that it can be written first', async () => {
  const schema = scene.newSchema();
  const proxy = await scene.proxy();
  const connectionString = scene.cluster.connectionString({ port: proxy.port });
  const [store, other] = [
    await scene.open({ schema, connectionString, leaseTime: 3_000 }),
    await scene.open({ schema }),
  ];
  await store.set('app', record);
  await store.exclusively('app', async () => {
    proxy.refuse();
    // The last one is not even sent.
    for (const token of ['second', 'third'])
      assert.ok('error' in (await attempt(() => store.replace('app', 'first', { refreshToken: token }))), token);
  });
  proxy.heal();
  const endOfLease = () => scene.cluster.query(`SELECT ends_at FROM ${schema}.oauth_token_lease`);
  const end = await endOfLease();
  const next = other.exclusively('app', () => other.get('app'));
  await delay(1_000);
  assert.is(await endOfLease(), end);
  assert.ok(await store.replace('app', 'first', { refreshToken: 'second' }));
  assert.equal(await within('the next turn', next), { refreshToken: 'second' });
});

test('an idle connection of a pool of the caller that breaks does not end the process', async () => {
  const pool = new pg.Pool({ connectionString: scene.cluster.connectionString(), application_name: 'of the caller' });
  const store = await scene.open({ pool });
  await store.set('app', record);
  await scene.cluster.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'of the caller'",
  );
  await delay(100);
  assert.equal(await store.get('app'), record);
  await store.close();
  assert.is((await pool.query('SELECT 1 AS one')).rows[0].one, 1, 'the pool was ended');
  await pool.end();
});

test.run();
