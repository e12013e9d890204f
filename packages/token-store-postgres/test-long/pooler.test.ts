/** What the store does through pgbouncer in transaction mode, where it is told of nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import { within } from 'testing-authority/start-program';
import * as assert from 'uvu/assert';
import { deadlineMs, fastestOf } from '../test/lock-watch.ts';
import { startScene } from '../test/scene.ts';
import { statementLog, testWaiting } from '../test/statement-watch.ts';

const { scene, together: test } = await startScene({ settings: statementLog }, ['initdb', 'postgres', 'pgbouncer']);
const record = { refreshToken: 'first' };

if (scene) testWaiting({ scene, test }, { pooler: (await scene.bouncer()).connectionString() });

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
