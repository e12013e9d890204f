import { setTimeout as delay } from 'node:timers/promises';
import { SharedToken } from 'shared-token';
import * as assert from 'uvu/assert';
import type { PostgresTokenStore, PostgresTokenStoreOptions } from '../src/index.ts';
import { deadlineMs, fastestOf } from './lock-watch.ts';
import { startScene } from './scene.ts';
import { within } from './within.ts';

const { scene, together: test } = await startScene({
  settings: { log_statement: 'all', log_line_prefix: '<%a>', log_min_messages: 'log' },
});

let marks = 0;
/** The end of the log, after all that was logged before has arrived. */
async function endOfLog(): Promise<number> {
  marks++;
  const mark = `SELECT 'mark ${marks}'`;
  await scene.cluster.query(mark);
  for (let left = 200; !scene.cluster.log.includes(mark); left--) {
    assert.ok(left > 0, 'the log does not arrive');
    await delay(10);
  }
  return scene.cluster.log.indexOf(mark);
}

/** The statements that programs of this name sent while `work` ran. */
async function statementsOf(name: string, work: () => Promise<unknown>): Promise<string[]> {
  const start = await endOfLog();
  await work();
  await endOfLog();
  const lines = scene.cluster.log
    .slice(start)
    .matchAll(new RegExp(`^<${name}>LOG:  (?:statement|execute <unnamed>): (.*)$`, 'gm'));
  // pgbouncer tells the server which of its clients speaks now.
  return [...lines].map(([, statement = '']) => statement).filter((statement) => !statement.startsWith('SET '));
}

const open = (name: string, options: PostgresTokenStoreOptions = {}): Promise<PostgresTokenStore> =>
  scene.open({ ...options, connectionString: `${scene.cluster.connectionString()}?application_name=${name}` });

const record = { refreshToken: 'first' };
const hour = 3_600_000;

test('each call is one statement: to acquire, renew and release the lock as well', async () => {
  const store = await open('cost', { leaseTime: 60_000 });
  const count = async (work: () => Promise<unknown>): Promise<number> => (await statementsOf('cost', work)).length;
  assert.is(await count(() => store.set('app', record)), 1);
  assert.is(await count(() => store.get('app')), 1);
  assert.is(await count(() => store.replace('app', 'first', { refreshToken: 'second' })), 1);
  assert.is(await count(() => store.delete('app')), 1);
  assert.is(await count(() => store.list()), 1);
  assert.is(await count(() => store.exclusively('app', async () => {})), 2);
  assert.is(await count(() => store.exclusively('app', () => store.replace('app', undefined, record))), 3);
  // It renews its lease once a second. On a busy machine the task takes longer than it should.
  const renewing = await open('renewing', { leaseTime: 3_000 });
  const started = performance.now();
  const statements = await statementsOf('renewing', () => renewing.exclusively('app', () => delay(1_500)));
  const seconds = (performance.now() - started) / 1_000;
  const renewals = statements.length - 2;
  assert.ok(renewals >= 1 && renewals <= seconds, `${seconds} s:\n${statements.join('\n')}`);
});

test('a replace of a token that this store has not read is two statements', async () => {
  const schema = scene.newSchema();
  await (await open('other', { schema })).set('app', record);
  const store = await open('unread', { schema });
  const statements = await statementsOf('unread', () => store.replace('app', 'first', { refreshToken: 'second' }));
  assert.is(statements.length, 2);
});

test('getToken() in memory never touches the database', async () => {
  const store = await open('memory');
  await store.set('app', { refreshToken: 'first', accessToken: 'access', expiresAt: Date.now() + hour });
  const token = new SharedToken({
    store,
    name: 'app',
    refresh: async () => assert.unreachable('it refreshed') as never,
  });
  await token.getToken();
  const statements = await statementsOf('memory', async () => {
    for (let call = 0; call < 10_000; call++) await token.getToken();
  });
  assert.equal(statements, []);
});

test('a refresh is six statements', async () => {
  const store = await open('refresh');
  await store.set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: 0 });
  const refresh = async () => ({ access_token: 'new', expires_in: 3_600 });
  let waited = true;
  let statements: string[] = [];
  // On a busy machine the lock may take so long that the record is watched meanwhile, which is one statement more.
  for (let tries = 0; waited && tries < 10; tries++) {
    waited = false;
    const onEvent = ({ type }: { type: string }): void => {
      waited ||= type === 'waiting';
    };
    const token = new SharedToken({ store, name: 'app', refresh, onEvent });
    // Read, acquire, read again, write to check that it can, write, release.
    statements = await statementsOf('refresh', () => token.getToken({ forceRefresh: true }));
  }
  assert.is(statements.length, 6, statements.join('\n'));
});

const waits: Record<string, (store: PostgresTokenStore, stop: AbortSignal) => Promise<unknown>> = {
  'a caller of exclusively': (store, signal) => store.exclusively('app', async () => {}, { signal }),
  'a caller of changed': async (store, signal) => {
    while (!signal.aborted) await store.changed('app', { timeout: 10_000, signal });
  },
  'a SharedToken': (store, signal) =>
    new SharedToken({ store, name: 'app', refresh: async () => assert.unreachable('it refreshed') as never }).getToken({
      signal,
    }),
};
const waitMs = 5_000;

/** The statements of one that waits until it is stopped: at most 2 per second, one before, and one when it leaves the queue. */
async function fewStatementsOf(name: string, wait: () => Promise<unknown>): Promise<string[]> {
  // Longer than `waitMs` if the machine is busy.
  let seconds = 0;
  const statements = await statementsOf(name, async () => {
    const started = performance.now();
    await wait();
    seconds = (performance.now() - started) / 1_000;
  });
  const most = Math.floor(2 * seconds) + 2;
  assert.ok(statements.length <= most, `${name}: ${statements.length} in ${seconds} s:\n${statements.join('\n')}`);
  console.log(`measured: ${name}: ${(statements.length / seconds).toFixed(1)} statements per second`);
  return statements;
}

test('a caller that waits makes at most 2 statements per second, over a direct connection and over a pooler', async () => {
  const schema = scene.newSchema();
  const holder = await open('holder', { schema });
  await holder.set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: 0 });
  const urls = { direct: scene.cluster.connectionString(), pooler: (await scene.bouncer()).connectionString() };
  const waiters = Object.entries(waits).flatMap(([kind, wait]) =>
    Object.entries(urls).map(([through, url]) => ({
      wait,
      through,
      url,
      name: `${kind.replaceAll(' ', '-')}-${through}`,
    })),
  );
  const stop = new AbortController();
  await holder.exclusively('app', async () => {
    const counts = waiters.map(async ({ wait, through, url, name }) => {
      const store = await scene.open({ schema, connectionString: `${url}?application_name=${name}` });
      const statements = await fewStatementsOf(name, () =>
        within(
          20_000,
          name,
          wait(store, stop.signal).catch(() => {}),
        ),
      );
      assert.is(
        statements.some((statement) => statement.startsWith('LISTEN')),
        through === 'direct',
        name,
      );
    });
    await delay(waitMs);
    stop.abort();
    await Promise.all(counts);
  });
});

test('a SharedToken that waits makes at most 2 statements per second, also for a lease of one second', async () => {
  const schema = scene.newSchema();
  const table = `${schema}.oauth_token_lease`;
  await (await scene.open({ schema })).set('app', { refreshToken: 'first', accessToken: 'old', expiresAt: 0 });
  // The server itself renews the lease: a busy process would lose it.
  const holding = scene.cluster.query(`DO $$ BEGIN
    INSERT INTO ${table} (name, fence, owner, holder, ends_at) VALUES ('app', 1, 'other', 'other', clock_timestamp() + interval '1 s');
    FOR turn IN 1..${(waitMs / 1_000) * 3 + 9} LOOP
      COMMIT; PERFORM pg_sleep(0.333);
      UPDATE ${table} SET ends_at = clock_timestamp() + interval '1 s';
    END LOOP; END $$`);
  const stop = new AbortController();
  const urls = { direct: scene.cluster.connectionString(), pooler: (await scene.bouncer()).connectionString() };
  const counts = Object.entries(urls).map(async ([through, url]) => {
    const name = `short-lease-${through}`;
    const store = await scene.open({ schema, connectionString: `${url}?application_name=${name}` });
    await fewStatementsOf(name, () =>
      (waits['a SharedToken'] as (typeof waits)[string])(store, stop.signal).catch(() => {}),
    );
  });
  await delay(waitMs);
  stop.abort();
  await Promise.all([...counts, holding]);
});

test('a caller that waits makes at most 2 statements per second, also if its connection that listens is lost again and again', async () => {
  const schema = scene.newSchema();
  const holder = await open('losing-holder', { schema });
  const store = await open('losing', { schema });
  const stop = new AbortController();
  let lost = 0;
  await holder.exclusively('app', async () => {
    await fewStatementsOf('losing', async () => {
      const waiting = store.exclusively('app', async () => {}, { signal: stop.signal }).catch(() => {});
      for (const end = performance.now() + waitMs; performance.now() < end; await delay(50)) {
        const ended = await scene.cluster.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'losing' AND query LIKE 'LISTEN%'",
        );
        if (ended !== '') lost++;
      }
      stop.abort();
      await waiting;
    });
    assert.ok(lost > 0, 'it never listened');
  });
});

test('changed over a pooler resolves within about a second', async () => {
  const schema = scene.newSchema();
  const writer = await scene.open({ schema });
  await writer.set('app', record);
  const store = await scene.open({ schema, connectionString: (await scene.bouncer()).connectionString() });
  await store.get('app');
  const took = await fastestOf(5, 3_500, async () => {
    const change = store.changed('app', { timeout: 20_000 });
    await delay(100);
    await writer.set('app', { refreshToken: 'second' });
    const started = performance.now();
    await within(deadlineMs, 'the change', change);
    await store.get('app');
    return performance.now() - started;
  });
  assert.ok(took < 3_500, `it took ${took} ms`);
});

test('a caller that waits over a pooler gets its turn within about a second, also from one that comes back at once', async () => {
  const schema = scene.newSchema();
  const connectionString = (await scene.bouncer()).connectionString();
  const [greedy, patient] = [
    await scene.open({ schema, connectionString }),
    await scene.open({ schema, connectionString }),
  ];
  let done = false;
  const again = (async () => {
    while (!done) await greedy.exclusively('app', () => delay(50));
  })();
  await delay(100);
  const took = await fastestOf(5, 4_000, async () => {
    const started = performance.now();
    const turn = patient.exclusively('app', async () => {});
    await within(deadlineMs, 'its turn', turn);
    return performance.now() - started;
  });
  assert.ok(took < 4_000, `it took ${took} ms`);
  done = true;
  await again;
});

test.run();
