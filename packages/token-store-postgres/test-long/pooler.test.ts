/** What the store does through pgbouncer in transaction mode, where it is told of nothing. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { least } from 'testing-authority/least';
import { within } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import { inspectPostgresTokenStore } from '../src/index.ts';
import { deadlineMs } from '../test/lock-watch.ts';
import { startScene } from '../test/scene.ts';
import { statementLog, testWaiting } from '../test/statement-watch.ts';

const { scene, together: test } = await startScene({ settings: statementLog }, ['initdb', 'postgres', 'pgbouncer']);
const record = { refreshToken: 'first' };

if (scene) testWaiting({ scene, test }, { pooler: { connectionString: (await scene.bouncer()).connectionString() } });

test('changed over a pooler resolves within about a second', async () => {
  const schema = scene.newSchema();
  const writer = await scene.open({ schema });
  await writer.set('app', record);
  const store = await scene.open({ schema, connectionString: (await scene.bouncer()).connectionString() });
  await store.get('app');
  const took = await least(3_500, 5, async () => {
    const change = store.changed('app', { timeout: 20_000 });
    await delay(100);
    await writer.set('app', { refreshToken: 'second' });
    const started = performance.now();
    await within('the change', change, deadlineMs);
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
  const took = await least(4_000, 5, async () => {
    const started = performance.now();
    const turn = patient.exclusively('app', async () => {});
    await within('its turn', turn, deadlineMs);
    return performance.now() - started;
  });
  assert.ok(took < 4_000, `it took ${took} ms`);
  done = true;
  await again;
});

const folder = mkdtempSync(join(tmpdir(), 'pooler-'));
process.once('exit', () => rmSync(folder, { recursive: true }));
chmodSync(folder, 0o755);
const userList = join(folder, 'users');

test('pgbouncer is asked with the password that the password file has for the database', async () => {
  const settings = ['stats_users = postgres', 'auth_type = plain', `auth_file = ${userList}`];
  writeFileSync(userList, '"postgres" "s3cret"\n');
  const bouncer = scene.closeLater(await scene.cluster.startPgBouncer({ settings }));
  const passwords = join(folder, 'pgpass');
  writeFileSync(passwords, `127.0.0.1:${bouncer.port}:postgres:postgres:s3cret\n`, { mode: 0o600 });
  process.env.PGPASSFILE = passwords;
  const { pooler } = await inspectPostgresTokenStore({ connectionString: bouncer.connectionString() });
  delete process.env.PGPASSFILE;
  assert.equal(pooler, { serverLoginRetry: 1_000 });
});

test.run();
