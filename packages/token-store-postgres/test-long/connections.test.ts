import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { openPostgresTokenStore, type TokenStoreError } from '../src/index.ts';
import { errorOf } from '../test/attempt.ts';
import { startScene } from '../test/scene.ts';
import { type Fate, UnreliablePool } from '../test/unreliable-pool.ts';

const { scene, together: test } = await startScene();

const record = { refreshToken: 'first' };

/** Resolves when a program with this name has so many connections. */
async function untilConnections(name: string, count: string): Promise<void> {
  const query = `SELECT count(*) FROM pg_stat_activity WHERE application_name = '${name}'`;
  let found = '';
  for (const end = performance.now() + 30_000; found !== count; await delay(50)) {
    found = await scene.cluster.query(query);
    if (found !== count && performance.now() > end) assert.unreachable(`${name}: ${found} connections, not ${count}`);
  }
}
const named = (name: string): string =>
  `${scene.cluster.connectionString()}?application_name=${encodeURIComponent(name)}`;

test('a server that accepts and says nothing: STORE_OPEN', async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const opening = openPostgresTokenStore({ connectionString: scene.cluster.connectionString({ port }) });
  const error = await within('the error', opening, 30_000).then(
    () => assert.unreachable('it did not fail') as never,
    (reason: TokenStoreError) => reason,
  );
  assert.equal([error.code, error.reason], ['STORE_OPEN', 'unreachable']);
  server.close();
});

test('an idle store holds no connection after some seconds', async () => {
  const store = await scene.open({ connectionString: named('idle') });
  await Promise.all(Array.from({ length: 10 }, (_, index) => store.set(`app ${index}`, record)));
  await untilConnections('idle', '3');
  await untilConnections('idle', '0');
});

test('a pool of one connection that is used once is enough for a task', async () => {
  const pool = scene.newPool('short', { max: 1, maxUses: 1 });
  const store = await scene.open({ pool, listen: false, leaseTime: 5_000 });
  await store.set('app', record);
  await store.exclusively('app', async ({ signal }) => {
    await delay(5_500);
    await Promise.all(Array.from({ length: 10 }, () => store.get('app')));
    assert.is(signal.aborted, false);
  });
  await untilConnections('short', '0');
});

test('one connection more listens while callers wait, and goes afterwards', async () => {
  const store = await scene.open({ pool: scene.newPool('listening', { maxUses: 1 }) });
  const names = Array.from({ length: 5 }, (_, index) => `app ${index}`);
  for (const name of names) await store.set(name, record);
  const stop = new AbortController();
  const waiting = names.map((name) => store.changed(name, { timeout: 30_000, signal: stop.signal }));
  const ended = Promise.allSettled(waiting);
  await untilConnections('listening', '1');
  stop.abort();
  await ended;
  await untilConnections('listening', '0');
});

test('a replace that has to read first is answered within 10 s as well', async () => {
  const never = new Promise(() => {});
  const fates: Fate[] = [
    { type: 'slow', after: never },
    { type: 'slow', after: 3_500 },
  ];
  const decide = (text: string): Fate =>
    /^SELECT name|^WITH/.test(text) ? (fates.shift() ?? { type: 'slow', after: never }) : { type: 'normal' };
  const schema = scene.newSchema();
  await (await scene.open({ schema })).set('app', record);
  const pool = scene.closeLater(new UnreliablePool(scene.cluster.connectionString(), decide));
  const store = await scene.open({ schema, pool });
  const started = performance.now();
  assert.is((await errorOf(store.replace('app', 'first', record))).reason, 'unreachable');
  const took = performance.now() - started;
  // Under way are a read of 5.5 s and a write, which would have 9.5 s for itself.
  assert.ok(took < 12_000, `it took ${took} ms`);
});

test.run();
