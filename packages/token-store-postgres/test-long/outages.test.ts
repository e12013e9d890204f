// Takes about 35 s.
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { randomFrom } from 'testing-authority/random-from';
import * as assert from 'uvu/assert';
import { openPostgresTokenStore, type PostgresTokenStore } from '../src/index.ts';
import { assertUnreachable, attempt } from '../test/attempt.ts';
import { startScene } from '../test/scene.ts';

const { scene, test } = await startScene();

/** `OUTAGES_SEED=… node ../../scripts/suite.ts --long outages` waits as long again between two looks for connections to terminate. */
const seed = Number(process.env.OUTAGES_SEED ?? Math.floor(Math.random() * 1_000_000));
/** How many connections are terminated at least, in 60 writes at least. */
const leastTerminations = 300;
/** In this time, a connection may be opened and begin a statement, or end one. */
const longestPauseMs = 12;

const record = { refreshToken: 'first' };

/** Calls, what they return, and the refresh token that is stored afterwards. */
const writes: Record<
  string,
  { call: (store: PostgresTokenStore) => Promise<unknown>; result: unknown; stored?: string }
> = {
  set: { call: (store) => store.set('app', { refreshToken: 'second' }), result: undefined, stored: 'second' },
  replace: {
    call: (store) => store.replace('app', 'first', { refreshToken: 'second' }),
    result: true,
    stored: 'second',
  },
  delete: { call: (store) => store.delete('app'), result: true },
  rekey: { call: (store) => store.rekey(new Uint8Array(32)), result: undefined, stored: 'first' },
};

for (const [name, { call, result, stored }] of Object.entries(writes)) {
  test(`${name}: an answer that was lost is found out, wherever the connection breaks`, async () => {
    const schema = scene.newSchema();
    const proxy = await scene.proxy();
    const connectionString = scene.cluster.connectionString({ port: proxy.port });
    const direct = await scene.open({ schema });
    const cuts = [0, 1, 5, 20, 60, 150, 400].flatMap((bytes) => [
      ['server', bytes] as const,
      ['client', bytes] as const,
    ]);
    for (const [sender, bytes] of cuts) {
      const where = `cut after ${bytes} bytes of the ${sender}`;
      await direct.rekey(undefined);
      await direct.set('app', record);
      const store = await openPostgresTokenStore({ schema, connectionString, leaseTime: 2_000, listen: false });
      void proxy.cutAfter(sender, bytes);
      assert.equal(await attempt(() => call(store)), { result }, where);
      proxy.heal();
      const check = await openPostgresTokenStore({
        schema,
        connectionString,
        listen: false,
        ...(name === 'rekey' ? { key: new Uint8Array(32) } : {}),
      });
      assert.is((await check.get('app'))?.refreshToken, stored, where);
      if (name === 'rekey') await check.rekey(undefined);
      await check.close();
      await store.close();
    }
  });
}

test('a session that locks the rows: STORE_BUSY, no statement goes on waiting, and the next call works', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema, leaseTime: 20_000, listen: false });
  await store.set('app', record);
  await store.set('other', record);
  await store.exclusively('app', async () => {});
  const calls: [rows: string, calls: (() => Promise<unknown>)[]][] = [
    [
      'oauth_token_lease',
      [() => store.exclusively('app', async () => 1, { timeout: 100 }), () => store.exclusively('app', async () => 1)],
    ],
    [
      'oauth_token',
      [() => store.set('app', record), () => store.replace('other', 'first', record), () => store.delete('app')],
    ],
    ['oauth_token_meta', [() => store.set('app', record), () => store.replace('other', 'first', record)]],
  ];
  for (const [table, blocked] of calls) {
    const blocker = new pg.Client(scene.cluster.connectionString());
    blocker.on('error', () => {});
    await blocker.connect();
    await blocker.query(`BEGIN; SELECT 1 FROM ${schema}.${table} FOR UPDATE`);
    const outcomes = await Promise.all(blocked.map(attempt));
    for (const [index, outcome] of outcomes.entries()) {
      const where = `${table}: ${blocked[index]}`;
      assert.ok('error' in outcome, where);
      assert.equal([outcome.error.code, outcome.error.reason], ['STORE_BUSY', 'database-locked'], where);
    }
    const stuck = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    for (let left = 100; (await scene.cluster.query(stuck)) !== '0'; left--) {
      assert.ok(left > 0, `${table}: statements go on waiting`);
      await delay(50);
    }
    await blocker.query('ROLLBACK');
    await blocker.end();
    assert.equal(await store.get('app'), record);
    assert.ok(await store.exclusively('app', () => store.replace('app', 'first', record)));
  }
});

test(`pg_terminate_backend at ${leastTerminations} random moments and more: no call is harmed, and the process lives`, async () => {
  console.log(`\nmeasured: OUTAGES_SEED=${seed}`);
  const next = randomFrom(seed);
  const stores = await Promise.all(Array.from({ length: 3 }, () => scene.open()));
  for (const store of stores) await store.set('app', { refreshToken: '0' });
  let terminated = 0;
  let ended = false;
  const terminating = (async () => {
    const ours = "FROM pg_stat_activity WHERE application_name = 'token-store-postgres'";
    while (!ended) {
      terminated += Number(await scene.cluster.query(`SELECT count(pg_terminate_backend(pid)) ${ours}`));
      await delay(next() * longestPauseMs);
    }
  })();
  const written = await Promise.all(stores.map(write));
  ended = true;
  await terminating;
  console.log(`\nmeasured: ${terminated} connections terminated, ${written} writes`);
  for (const [index, store] of stores.entries())
    assert.equal(await store.get('app'), { refreshToken: String(written[index]) });

  /** Writes one number after the other. Returns the last one that is stored. */
  async function write(store: PostgresTokenStore): Promise<number> {
    let stored = 0;
    for (let turn = 0; turn < 20 || terminated < leastTerminations; turn++) {
      const outcome = await attempt(() => store.replace('app', String(stored), { refreshToken: String(stored + 1) }));
      assertUnreachable(outcome, `turn ${turn}`);
      const now = await readAtLast(store);
      if ('result' in outcome) {
        assert.is(outcome.result, true);
        assert.is(now, stored + 1);
      } else assert.ok(now === stored || now === stored + 1, `${now} after ${stored}`);
      stored = now;
    }
    return stored;
  }
});

/** What is stored, as soon as a call is not disturbed for so long that it fails. */
async function readAtLast(store: PostgresTokenStore): Promise<number> {
  for (let left = 20; ; left--) {
    const outcome = await attempt(() => store.get('app'));
    assertUnreachable(outcome, 'get');
    if ('result' in outcome) return Number((outcome.result as { refreshToken: string }).refreshToken);
    assert.ok(left > 0, 'each call fails');
  }
}

test.run();
