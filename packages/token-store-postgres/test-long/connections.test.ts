import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { openPostgresTokenStore, type TokenStoreError } from '../src/index.ts';
import { startScene } from '../test/scene.ts';
import { within } from '../test/within.ts';

const { scene, together: test } = await startScene();

const record = { refreshToken: 'first' };

/** How many connections there are of a program with this name. */
const countConnections = (name: string): Promise<string> =>
  scene.cluster.query(`SELECT count(*) FROM pg_stat_activity WHERE application_name = '${name}'`);
const named = (name: string): string => `${scene.cluster.connectionString()}?application_name=${name}`;

test('a server that accepts and says nothing: STORE_OPEN within 5 seconds', async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const started = performance.now();
  const opening = openPostgresTokenStore({ connectionString: scene.cluster.connectionString({ port }) });
  const error = await within(15_000, 'the error', opening).then(
    () => assert.unreachable('it did not fail') as never,
    (reason: TokenStoreError) => reason,
  );
  assert.equal([error.code, error.reason], ['STORE_OPEN', 'unreachable']);
  assert.ok(performance.now() - started < 7_000);
  server.close();
});

test('an idle store holds one connection at most, then none', async () => {
  const store = await scene.open({ idleTimeout: 700, connectionString: named('idle') });
  await Promise.all(Array.from({ length: 10 }, (_, index) => store.set(`app ${index}`, record)));
  await delay(200);
  assert.is(await countConnections('idle'), '1');
  await delay(1_000);
  assert.is(await countConnections('idle'), '0');
});

test('idleTimeout 0: no connection is kept, and maxConnections 1 is enough for a task', async () => {
  const options = { idleTimeout: 0, maxConnections: 1, listen: false, leaseTime: 1_000 };
  const store = await scene.open({ ...options, connectionString: named('short') });
  await store.set('app', record);
  await store.exclusively('app', async ({ signal }) => {
    await delay(1_100);
    await Promise.all(Array.from({ length: 10 }, () => store.get('app')));
    assert.is(signal.aborted, false);
  });
  await delay(100);
  assert.is(await countConnections('short'), '0');
});

test('one connection more listens while callers wait, and goes afterwards', async () => {
  const store = await scene.open({ idleTimeout: 0, connectionString: named('listening') });
  const names = Array.from({ length: 5 }, (_, index) => `app ${index}`);
  for (const name of names) await store.set(name, record);
  const stop = new AbortController();
  const waiting = names.map((name) => store.changed(name, { timeout: 30_000, signal: stop.signal }));
  const ended = Promise.allSettled(waiting);
  await delay(500);
  assert.is(await countConnections('listening'), '1');
  stop.abort();
  await ended;
  await delay(2_500);
  assert.is(await countConnections('listening'), '0');
});

test.run();
