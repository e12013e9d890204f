import * as assert from 'uvu/assert';
import { startScene } from '../test/scene.ts';

const { scene, test } = await startScene({ settings: { wal_writer_delay: '10s', synchronous_commit: 'off' } });

test('a commit is durable even if the database is set to lose the newest ones', async () => {
  const store = await scene.open();
  const check = async (): Promise<void> => {
    const all = await scene.cluster.query('SELECT pg_current_wal_flush_lsn() = pg_current_wal_insert_lsn()');
    assert.is(all, 't');
  };
  for (let round = 0; round < 5; round++) {
    await store.set('app', { refreshToken: String(round) });
    await check();
    await store.exclusively('app', check);
    await store.rekey(new Uint8Array(32).fill(round));
    await check();
  }
});

test('a server that loses its power keeps the record whose write has resolved', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  for (let round = 0; round < 3; round++) {
    await store.set('app', { refreshToken: String(round) });
    await scene.cluster.restart('kill');
    assert.equal(await store.get('app'), { refreshToken: String(round) });
  }
});

test.run();
