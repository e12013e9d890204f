// Takes about 25 s.
import { setTimeout as delay } from 'node:timers/promises';
import { SharedToken } from 'shared-token';
import { within } from 'testing-authority/start-program';
import * as assert from 'uvu/assert';
import { deadlineMs, hold, LockWatch, until } from './lock-watch.ts';
import { startScene } from './scene.ts';
import { startProgram } from './start-program.ts';

const { scene, test } = await startScene();
const watch = new LockWatch(scene);

/** For its sessions, the server's clock is ahead by what `clock.step` says: names are looked up in the schema `clock` first. */
async function makeRoleWithClock(): Promise<string> {
  const functions = ['now', 'clock_timestamp', 'statement_timestamp'].map(
    (name) => `CREATE OR REPLACE FUNCTION clock.${name}() RETURNS timestamptz LANGUAGE sql VOLATILE
      AS 'SELECT pg_catalog.clock_timestamp() + ahead FROM clock.step'`,
  );
  await scene.cluster.query(`CREATE SCHEMA clock; CREATE TABLE clock.step (ahead interval); INSERT INTO clock.step VALUES ('0');
    ${functions.join(';')}; CREATE ROLE clocked SUPERUSER LOGIN; ALTER ROLE clocked SET search_path = clock, pg_catalog, public`);
  return scene.cluster.connectionString({ user: 'clocked' });
}

const connectionString = scene && (await makeRoleWithClock());
const setClock = (ahead: string): Promise<string> => scene.cluster.query(`UPDATE clock.step SET ahead = '${ahead}'`);

for (const ahead of ['1 hour', '-1 hour']) {
  test(`the clock of the server is set by ${ahead}: the task of a process that lives stays alone`, async () => {
    await setClock('0');
    const schema = scene.newSchema();
    const [holder, ...others] = await Promise.all(
      [1, 2, 3].map(() => scene.open({ schema, connectionString, leaseTime: 1_500 })),
    );
    if (!holder) throw new Error('unreachable');
    const held = await hold(holder);
    let begun = 0;
    const task = async (): Promise<void> => {
      begun++;
    };
    const early = others.map((other) => other.exclusively('app', task));
    await watch.untilWanted(schema);
    await setClock(ahead);
    const late = await scene.open({ schema, connectionString, leaseTime: 1_500 });
    const all = Promise.all([...early, late.exclusively('app', task)]);
    await delay(4_000);
    assert.is(begun, 0);
    assert.is(held.signal.aborted, false);
    await held.end();
    await within(deadlineMs, 'the turns', all);
  });

  test(`the clock of the server is set by ${ahead}: the lease of a killed process lasts leaseTime`, async () => {
    await setClock('0');
    const schema = scene.newSchema();
    const store = await scene.open({ schema, connectionString, leaseTime: 20_000 });
    const holder = startProgram('hold', { connectionString, schema, leaseTime: 2_000 });
    assert.is(await holder.line(), 'held');
    holder.kill();
    await holder.ended;
    await setClock(ahead);
    const started = performance.now();
    await within(
      deadlineMs,
      'the lock',
      store.exclusively('app', async () => {}),
    );
    const took = performance.now() - started;
    assert.ok(took > 900 && took < 4_000, `it took ${took} ms`);
  });

  test(`the clock of the server is set by ${ahead}: a change of key waits for a process that lives, and for a killed one only its leaseTime`, async () => {
    await setClock('0');
    const schema = scene.newSchema();
    const [store, other] = await Promise.all(
      [1, 2].map(() => scene.open({ schema, connectionString, leaseTime: 20_000 })),
    );
    if (!store || !other) throw new Error('unreachable');
    const held = await hold(other);
    await setClock(ahead);
    let isChanged = false;
    const changed = store.rekey('a new passphrase').then(() => {
      isChanged = true;
    });
    await Promise.race([changed, delay(1_500)]);
    assert.is(isChanged, false);
    await held.end();
    await within(deadlineMs, 'the change of key', changed);

    await setClock('0');
    const holder = startProgram('hold', { connectionString, schema, leaseTime: 2_000, key: 'a new passphrase' });
    assert.is(await holder.line(), 'held');
    holder.kill();
    await holder.ended;
    await setClock(ahead);
    await within(5_000, 'the change of key', store.rekey(undefined));
  });

  test(`the clock of the server is set by ${ahead}: an expiry is judged by the reader's clock`, async () => {
    const store = await scene.open({ connectionString });
    const inAnHour = Date.now() + 3_600_000;
    for (const [accessToken, expiresAt, counts] of [
      ['valid', inAnHour, true],
      ['expired', Date.now() - 1_000, false],
    ] as const) {
      await setClock('0');
      await store.set('app', { refreshToken: 'first', accessToken, expiresAt });
      await setClock(ahead);
      assert.is((await store.get('app'))?.expiresAt, expiresAt);
      const refresh = async () => ({ access_token: 'new', refresh_token: 'second', expires_in: 3_600 });
      const token = new SharedToken({ store, name: 'app', refresh });
      assert.is((await token.getToken()).accessToken, counts ? accessToken : 'new');
    }
  });
}

test('a caller with no time left believes the server', async () => {
  await setClock('0');
  const schema = scene.newSchema();
  const store = await scene.open({ schema, connectionString });
  const holder = startProgram('hold', { connectionString, schema, leaseTime: 500 });
  assert.is(await holder.line(), 'held');
  holder.kill();
  await holder.ended;
  await until('the lease has ended', async () => (await watch.leaseOf(schema, 'ends_at < now()')) === 't');
  assert.is(await store.exclusively('app', async () => 'ran', { timeout: 0 }), 'ran');
});

test.run();
