// Takes about 6 s.
import { setTimeout as delay } from 'node:timers/promises';
import { SharedToken } from 'shared-token';
import { least } from 'testing-authority/least';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { PostgresTokenStore, PostgresTokenStoreOptions } from '../src/index.ts';
import { startScene } from './scene.ts';
import { statementLog, testWaiting, waitMs, watchStatements } from './statement-watch.ts';

const { scene, together: test } = await startScene({
  settings: statementLog,
});

const { statementsOf, fewStatementsOf } = watchStatements(scene);

const open = (name: string, options: PostgresTokenStoreOptions = {}): Promise<PostgresTokenStore> =>
  scene.open({ ...options, connectionString: `${scene.cluster.connectionString()}?application_name=${name}` });

const record = { refreshToken: 'first' };

test('each call is one statement: to acquire, renew and release the lock as well', async () => {
  const schema = scene.newSchema();
  const store = await open('cost', { schema, leaseTime: 60_000 });
  const assertCost = async (cost: number, work: () => Promise<unknown>): Promise<void> => {
    const statements = await statementsOf('cost', work);
    assert.is(statements.length, cost, statements.join('\n'));
  };
  const limited = () => scene.cluster.log.match(/^<cost>LOG: .*: SELECT set_config\(name,/gm)?.length;
  await assertCost(1, () => store.set('app', record));
  // More than one on a busy machine, where this store may have waited too long for others to make their tables.
  const connections = limited();
  await assertCost(1, () => store.get('app'));
  await assertCost(1, () => store.set('other', record));
  const wait = async (): Promise<void> => {
    await store.changed('app', { timeout: 30 });
    // It would make a connection now that listens.
    await delay(200);
  };
  // On a busy machine, a timer that is due later may fire first.
  const cost = await least(0, 3, async () => (await statementsOf('cost', wait)).length);
  assert.is(cost, 0);
  await assertCost(1, () => store.replace('app', 'first', { accessToken: 'second' }));
  await assertCost(1, () => store.replace('app', 'second', { accessToken: 'third' }));
  await assertCost(1, () => store.delete('app'));
  await assertCost(1, () => store.list());
  assert.ok(connections && limited() === connections, 'a connection is limited once');
  await assertCost(2, () => store.exclusively('app', async () => {}));
  await assertCost(3, () => store.exclusively('app', () => store.replace('app', undefined, record)));
  const giveUp = async (): Promise<void> => {
    const signal = AbortSignal.timeout(20);
    await store.exclusively('app', async () => {}, { signal }).catch(() => {});
  };
  const holder = await open('holder', { schema });
  await holder.exclusively('app', () => assertCost(1, giveUp));
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
  assert.is(statements.length, 2, statements.join('\n'));
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

test('a program that reads the record again and again spares the store the look', async () => {
  const store = await open('reader', { listen: false });
  await store.set('app', record);
  const read = async (): Promise<void> => {
    const change = store.changed('app', { timeout: 1_500 });
    for (let read = 0; read < 5; read++) {
      await delay(280);
      await store.get('app');
    }
    await change;
  };
  const looks = await least(0, 3, async () => {
    const statements = await statementsOf('reader', read);
    return statements.filter((statement) => statement.includes('unnest')).length;
  });
  assert.is(looks, 0);
});

const url = scene?.cluster.connectionString();
testWaiting({ scene, test }, { direct: { connectionString: url }, untold: { connectionString: url, listen: false } });

test('a caller that waits makes at most 2 statements per second, also if its connection that listens is lost again and again', async () => {
  const schema = scene.newSchema();
  const holder = await open('losing-holder', { schema, leaseTime: 20_000 });
  const store = await open('losing', { schema });
  await store.get('app');
  const stop = new AbortController();
  let lost = 0;
  let told: Promise<void> | undefined;
  await holder.exclusively('app', async () => {
    await fewStatementsOf('losing', async () => {
      const waiting = store.exclusively('app', async () => {}, { signal: stop.signal }).catch(() => {});
      const changed = store.changed('app', { timeout: 60_000 });
      const end = performance.now() + waitMs;
      // When it begins to listen, it looks once more.
      await delay(1_000);
      for (; performance.now() < end; await delay(50)) {
        const ended = await scene.cluster.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'losing' AND query LIKE 'LISTEN%'",
        );
        if (ended !== '') lost++;
        if (ended === '' || told) continue;
        await holder.set('app', record);
        told = within('the change, of which no connection told', changed, 3_000);
      }
      stop.abort();
      await waiting;
    });
    assert.ok(lost > 0, 'it never listened');
    await told;
  });
});

test.run();
