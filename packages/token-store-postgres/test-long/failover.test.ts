import { setTimeout as delay } from 'node:timers/promises';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { TokenStoreError } from '../src/index.ts';
import { startScene } from '../test/scene.ts';

const { scene, test } = await startScene({}, ['initdb', 'postgres', 'pg_basebackup']);

const record = { refreshToken: 'first' };

test('a failover: the standby takes no writes until it is promoted, then everything goes on', async () => {
  const schema = scene.newSchema();
  const first = await scene.open({ schema });
  await first.set('app', record);
  const standby = scene.closeLater(await scene.cluster.startStandby());
  for (let left = 300; (await standby.query(`SELECT count(*) FROM ${schema}.oauth_token`)) !== '1'; left--) {
    assert.ok(left > 0, 'the standby does not follow');
    await delay(100);
  }
  const store = await scene.open({ schema, connectionString: standby.connectionString() });
  assert.equal(await store.get('app'), record);
  const calls: (() => Promise<unknown>)[] = [
    () => store.set('app', record),
    () => store.replace('app', 'first', record),
    () => store.delete('app'),
    () => store.exclusively('app', async () => 1),
    () => store.rekey('passphrase'),
  ];
  for (const call of calls) {
    const error = await within('the call', call(), 60_000).then(
      () => assert.unreachable('it did not fail') as never,
      (reason: TokenStoreError) => reason,
    );
    assert.equal([error.code, error.reason], ['STORE_READONLY', 'read-only-server'], String(call));
  }
  // A standby cannot listen. The wait goes on without it.
  await within('the end of the wait', store.changed('app', { timeout: 500 }), 30_000);
  await standby.promote();
  assert.ok(await store.replace('app', 'first', { refreshToken: 'second' }));
  assert.is(await store.exclusively('app', async () => 'runs'), 'runs');
});

test.run();
